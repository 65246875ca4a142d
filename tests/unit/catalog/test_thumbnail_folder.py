"""The folder of thumbnails: complete files or none, shared content, removal of unused files."""

import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.thumbnail_folder import GRACE_S, ThumbnailFolder, _remove
from common.errors import SettingsError
from common.thumbnails import Thumbnails, file_name

SMALL, LARGE = b"a small picture", b"a large picture" * 1000


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def age(file: Path, seconds: float = GRACE_S + 1) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


@pytest.fixture
def folder(tmp_path: Path) -> ThumbnailFolder:
    return ThumbnailFolder(tmp_path)


def test_a_file_is_named_by_the_hash_of_its_content(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, LARGE))

    assert stored == Thumbnails(hashlib.sha256(SMALL).hexdigest(), hashlib.sha256(LARGE).hexdigest())
    assert files(folder.path) == sorted(file_name(digest) for digest in stored.digests())
    assert (folder.path / file_name(stored.px_512)).read_bytes() == LARGE


def test_the_same_picture_is_stored_once(folder: ThumbnailFolder) -> None:
    folder.store((SMALL, LARGE))
    again = folder.store((SMALL, SMALL))

    assert again.px_256 == again.px_512
    assert len(files(folder.path)) == 2


def test_other_users_may_read_the_files(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, LARGE))

    assert (folder.path / file_name(stored.px_256)).stat().st_mode & 0o444 == 0o444


def test_a_damaged_file_is_found_and_written_again(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, LARGE))
    file = folder.path / file_name(stored.px_512)
    file.write_bytes(LARGE[:-1] + b"!")

    assert folder.exists(stored.px_512)
    assert not folder.is_intact(stored.px_512)

    folder.store((SMALL, LARGE))

    assert folder.is_intact(stored.px_512)


def test_an_empty_or_lost_file_does_not_exist(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, LARGE))
    (folder.path / file_name(stored.px_256)).write_bytes(b"")
    (folder.path / file_name(stored.px_512)).unlink()

    assert not folder.exists(stored.px_256)
    assert not folder.exists(stored.px_512)
    assert not folder.is_intact(stored.px_512)


def test_several_writers_of_the_same_files_leave_no_other_files(folder: ThumbnailFolder) -> None:
    pictures = [(b"%d small" % number, b"%d large" % number) for number in range(20)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(folder.store, pictures * 8))

    assert len(files(folder.path)) == 40
    assert not [name for name in files(folder.path) if name.endswith(".part")]


# RLIMIT_FSIZE ends a write in the middle of a file, as a full disk does.
FULL_DISK = """
import resource, sys
from pathlib import Path
from catalog.thumbnail_folder import ThumbnailFolder
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    ThumbnailFolder(Path(sys.argv[1])).store((b"small", b"large" * 1000))
except OSError as error:
    print(error.filename, "|", error.strerror)
"""


@pytest.mark.starts_processes
def test_a_failed_write_leaves_no_half_file_and_names_the_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert files(tmp_path) == [file_name(hashlib.sha256(b"small").hexdigest())]
    large = tmp_path / file_name(hashlib.sha256(b"large" * 1000).hexdigest())
    assert done.stdout.strip() == f"{large} | File too large"


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(
        SettingsError, match=r"THUMBNAIL_DIR .*/file/thumbnails: no file can be written: Not a"
    ):
        ThumbnailFolder(tmp_path / "file" / "thumbnails").require_writable()


def test_the_check_for_a_writable_folder_creates_the_folder_and_leaves_no_file(tmp_path: Path) -> None:
    folder = ThumbnailFolder(tmp_path / "new" / "thumbnails")

    folder.require_writable()

    assert folder.path.is_dir()
    assert files(tmp_path) == []


def test_only_old_unused_files_are_removed(folder: ThumbnailFolder) -> None:
    used, unused = folder.store((SMALL, SMALL)), folder.store((LARGE, LARGE))
    recent = folder.store((b"recent", b"recent"))
    for digest in (used.px_256, unused.px_256):
        age(folder.path / file_name(digest))
    half = folder.path / "ab" / ".ab12.webp.0123.part"
    foreign = [folder.path / "notes.txt", folder.path / "ab" / "picture.webp", folder.path / "ab" / ".hidden"]
    half.parent.mkdir(exist_ok=True)
    for file in (half, *foreign):
        file.write_bytes(b"x")
        age(file)

    removed = folder.remove_unused({used.px_256})

    assert (removed.files, removed.size_bytes) == (2, len(LARGE) + 1)
    kept = [file_name(used.px_256), file_name(recent.px_256)]
    assert files(folder.path) == sorted([*kept, "notes.txt", "ab/picture.webp", "ab/.hidden"])


def test_a_file_that_is_stored_again_is_not_removed(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, SMALL))
    age(folder.path / file_name(stored.px_256))
    assert len(list(folder.unused(set()))) == 1

    folder.store((SMALL, SMALL))

    assert list(folder.unused(set())) == []
    assert folder.remove_unused(set()).files == 0


def test_a_file_that_is_stored_during_its_removal_is_kept(folder: ThumbnailFolder) -> None:
    stored = folder.store((SMALL, SMALL))
    age(folder.path / file_name(stored.px_256))
    (listed,) = folder.unused(set())
    folder.store((SMALL, SMALL))

    assert not _remove(listed, GRACE_S)

    assert folder.is_intact(stored.px_256)
    assert len(files(folder.path)) == 1


def test_two_removals_at_the_same_time_count_each_file_once(folder: ThumbnailFolder) -> None:
    stored = [folder.store((b"%d" % number,) * 2) for number in range(100)]
    for thumbnails in stored:
        age(folder.path / file_name(thumbnails.px_256))

    with ThreadPoolExecutor(2) as threads:
        removed = list(threads.map(folder.remove_unused, [set[str](), set[str]()]))

    assert sum(each.files for each in removed) == 100
    assert files(folder.path) == []


@pytest.mark.timeout(10)
def test_a_pipe_with_the_name_of_a_thumbnail_is_replaced(folder: ThumbnailFolder) -> None:
    digest = hashlib.sha256(SMALL).hexdigest()
    pipe = folder.path / file_name(digest)
    pipe.parent.mkdir()
    os.mkfifo(pipe)

    is_intact = folder.is_intact(digest)
    folder.store((SMALL, LARGE))

    assert not is_intact
    assert pipe.read_bytes() == SMALL
