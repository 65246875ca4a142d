"""A folder without thumbnails is logged once, until it has thumbnails."""

import logging
from pathlib import Path

import pytest

from api.background.thumbnail_warnings import ThumbnailWarnings
from common.thumbnails import file_name


async def test_a_missing_or_empty_folder_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "thumbnails"
    warnings = ThumbnailWarnings(folder)

    async def logged() -> list[object]:
        caplog.clear()
        await warnings.check()
        return [getattr(record, "detail", None) for record in caplog.records]

    with caplog.at_level(logging.WARNING):
        missing = [await logged(), await logged()]
        folder.mkdir()
        (folder / "a cover.jpg").write_bytes(b"x")
        empty = [await logged(), await logged()]
        file = folder / file_name("ab" * 32)
        file.parent.mkdir()
        file.write_bytes(b"RIFF")
        filled = await logged()
        file.unlink()
        emptied = await logged()

    assert missing == [[f"THUMBNAIL_DIR {folder}: there is no such folder"], []]
    assert empty == [[f"THUMBNAIL_DIR {folder}: the folder contains no thumbnails"], []]
    assert filled == []
    assert emptied == empty[0]
