"""A folder that the system cannot watch is reported, and looked at regularly."""

import os
from pathlib import Path

import pytest

from catalog.ingest.music import watching
from catalog.ingest.music.watching import watch_folder


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_QUIET_MS", 50)
    monkeypatch.setattr(watching, "_TIMEOUT_MS", 50)
    monkeypatch.setattr(watching, "SCAN_EVERY_S", 0.01)


def test_a_change_ends_the_wait(tmp_path: Path) -> None:
    changes = watch_folder(tmp_path, on_fault=pytest.fail)
    next(changes)
    (tmp_path / "1.mp3").write_bytes(b"x")

    next(changes)


def test_a_name_that_is_not_utf_8_does_not_end_the_watch(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    faults: list[str] = []

    changes = watch_folder(tmp_path, on_fault=faults.append)
    for _ in range(3):
        next(changes)

    assert len(faults) == 1
