"""Only regular files are read; pipes and devices are refused at once."""

import os
from pathlib import Path

import pytest

from common.regular_files import read_regular_file


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")

    assert read_regular_file(tmp_path / "file") == read_regular_file(tmp_path / "link") == b"content"


@pytest.mark.timeout(10)
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="it is not a regular file"):
        read_regular_file(tmp_path / "pipe")


@pytest.mark.timeout(10)
def test_an_endless_device_is_refused() -> None:
    with pytest.raises(OSError, match="it is not a regular file"):
        read_regular_file(Path("/dev/zero"))


def test_a_folder_and_a_missing_file_raise_the_usual_errors(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / "missing")
