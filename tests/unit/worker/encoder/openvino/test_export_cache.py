import logging
import subprocess
import sys
from pathlib import Path

import pytest

from worker.encoder.model_files import find_model
from worker.encoder.openvino.export_cache import exported

pytestmark = pytest.mark.starts_processes

LOAD = (
    "import logging, sys; from pathlib import Path; logging.basicConfig(level='INFO');"
    "from worker.encoder.openvino.export_cache import exported;"
    "from worker.encoder.model_files import find_model;"
    "entry = exported(find_model(sys.argv[1]), cache_dir=Path(sys.argv[2]));"
    "print(sorted(path.name for path in entry.iterdir()))"
)
ENTRY = ["encoder.json", "image.bin", "image.xml", "text.bin", "text.xml", "tokenizer.json"]


def test_workers_that_start_together_export_once(tiny_clip: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(tiny_clip), str(tmp_path)]

    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [worker.communicate(timeout=100) for worker in workers]

    assert [out.strip() for out, _ in outputs] == [str(ENTRY)] * 3
    assert sum(err.count("exporting the model") for _, err in outputs) == 1


def test_the_remains_of_a_killed_export_are_ignored(tiny_clip: Path, tmp_path: Path) -> None:
    source = find_model(str(tiny_clip))
    entry = exported(source, cache_dir=tmp_path)
    entry.rename(entry.with_suffix(".partial"))
    (entry.with_suffix(".partial") / "text.bin").write_bytes(b"half")

    again = exported(source, cache_dir=tmp_path)

    assert sorted(path.name for path in again.iterdir()) == ENTRY
    assert (again / "text.bin").stat().st_size > len(b"half")
    assert not entry.with_suffix(".partial").exists()


def test_a_warm_cache_exports_nothing(
    tiny_clip: Path, export_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = find_model(str(tiny_clip))
    exported(source, cache_dir=export_cache)
    caplog.set_level(logging.INFO)
    caplog.clear()

    exported(source, cache_dir=export_cache)

    assert "exporting" not in caplog.text
