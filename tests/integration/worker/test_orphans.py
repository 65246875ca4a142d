"""When a worker is killed, its child processes end too, even in the middle of long work."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from PIL import Image

from local.options import DEMO_MODEL
from tests.paths import ROOT
from tests.polling import eventually

BATCH = """
import sys
from common.broker.bulk_embedding_messages import BulkCover
from common.settings import load_settings
from worker.bulk_embedding.process import BulkProcess
bulk = BulkProcess(load_settings({"ENCODER": "fixed", "FIXED_LATENCY_MS": "600000"}))
bulk.ask([BulkCover(open(sys.argv[1], "rb").read())])
"""
EXPORT = """
import sys
from pathlib import Path
from worker.encoder.model_files import find_model
from worker.encoder.openvino.export_cache import exported
exported(find_model(sys.argv[1]), cache_dir=Path(sys.argv[2]))
"""
DECODE = """
import time
from worker.decode.processes.pool import DecoderPool
with DecoderPool(size_px=224):
    time.sleep(600)
"""


@contextmanager
def owner_of(module: str, script: str, *arguments: str) -> Iterator[psutil.Process]:
    """Run a script until its child process runs a module; yield the child, then kill the script."""
    owner = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT)
    try:
        yield eventually(lambda: _children(owner, module))[0]
    finally:
        owner.kill()
        owner.wait()


def _children(owner: "subprocess.Popen[bytes]", module: str) -> list[psutil.Process]:
    assert owner.poll() is None
    return [child for child in psutil.Process(owner.pid).children() if module in child.cmdline()]


def wait_until_busy(process: psutil.Process) -> None:
    """Wait until a child process has finished its imports and is busy with a batch."""
    eventually(lambda: process.num_threads() >= 2)


def test_a_bulk_process_ends_with_its_killed_worker(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    with owner_of("worker.bulk_embedding.child", BATCH, str(tmp_path / "1.png")) as bulk:
        wait_until_busy(bulk)

    bulk.wait(20)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends it")
def test_an_export_ends_with_its_killed_worker(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(DEMO_MODEL, model)
    with owner_of("worker.encoder.openvino.export", EXPORT, str(model), str(tmp_path / "exports")) as export:
        assert export.is_running()

    export.wait(20)


def test_an_idle_decoder_ends_with_its_killed_worker() -> None:
    with owner_of("worker.decode.processes.child", DECODE) as decoder:
        assert decoder.is_running()

    decoder.wait(20)
