"""The tags of many files are read by several processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.demo.albums import demo_albums
from catalog.ingest.music.tag_reader import ReadFile
from catalog.ingest.music.tag_reading import Chunk, TagReaders, read_files
from catalog.ingest.music.track_tags import TrackTags
from tests.music_library.containers import mp3
from tests.music_library.writer import tags_of

FILES = 2500


@pytest.mark.starts_processes
def test_many_files_are_read_in_their_order(tmp_path: Path) -> None:
    album = demo_albums(1)[0]
    paths = [f"{number:04}.mp3" for number in range(FILES)]
    for number, path in enumerate(paths):
        (tmp_path / path).write_bytes(mp3(tags_of(album, 1 + number % 99)))

    folders = [[*paths, "gone.mp3"]]
    read = [file for files in read_files(tmp_path, folders) for file in files]

    assert [file.path for file in read] == [*paths, "gone.mp3"]
    assert [TrackTags.from_json(file.tags).track for file in read[:-1] if file.tags] == [
        1 + n % 99 for n in range(FILES)
    ]
    assert (read[-1].tags, read[-1].fault) == (None, "")


def chunk(*paths: str) -> Chunk:
    return Chunk(paths, is_whole=True)


@pytest.mark.starts_processes
def test_processes_that_ended_while_idle_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "1.mp3").write_bytes(mp3(tags_of(demo_albums(1)[0])))
    with TagReaders(tmp_path, 2) as readers:
        for pid in readers.pids:
            os.kill(pid, signal.SIGKILL)

        found = [readers.read(chunk("1.mp3"))[0] for _ in range(3)]

    assert all(file.tags for file in found)


@pytest.mark.starts_processes
def test_a_file_whose_process_always_ends_has_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.mp3").write_bytes(mp3(tags_of(demo_albums(1)[0])))
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with TagReaders(tmp_path, 1) as readers:
        (found,) = readers.read(chunk("1.mp3"))

    assert found == ReadFile("1.mp3", None, "the process that read the file ended", may_recover=True)


@pytest.mark.starts_processes
def test_a_process_that_reads_tags_imports_no_database_and_no_model() -> None:
    code = "import sys, catalog.ingest.music.tag_reader; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"psycopg", "numpy", "asyncio", "pydantic", "rich"} & set(loaded.stdout.split())
