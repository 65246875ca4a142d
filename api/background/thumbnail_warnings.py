"""Logs a warning if the folder of thumbnails is missing or empty, at startup and then periodically."""

import asyncio
import logging
from pathlib import Path

log = logging.getLogger(__name__)

CHECK_EVERY_S = 60.0


class ThumbnailWarnings:
    """Checks the folder of thumbnails, and logs a fault once until it is fixed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reported: str | None = None

    async def check(self) -> None:
        """Log the fault of the folder unless the previous check found the same fault."""
        fault = await asyncio.to_thread(_fault, self._folder)
        if fault is not None and fault != self._reported:
            log.warning(
                "results may link thumbnails that are not found",
                extra={"detail": f"THUMBNAIL_DIR {self._folder}: {fault}"},
            )
        self._reported = fault


def _fault(folder: Path) -> str | None:
    """Return what is wrong with the folder, or None; only the first entries of the folder are read."""
    try:
        if any(folder.glob("[0-9a-f][0-9a-f]/*.webp")):
            return None
    except OSError as error:
        return f"the folder cannot be read: {error.strerror}"
    return "the folder contains no thumbnails" if folder.is_dir() else "there is no such folder"
