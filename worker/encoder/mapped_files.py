"""Letting go of the pages of mapped files that have been read and are not needed in memory."""

import ctypes
import mmap
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


def let_go_of_pages(folder: Path) -> None:
    """Unmap from memory what this process has read of the files it maps from a folder.

    Nothing is lost: a page that is read again comes from the file, or from the kernel's copy of it. What
    it spares is the memory of a process that has made its own copy, in another order, of all it read.
    A system without `/proc` keeps the pages.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    inside = f"{folder.resolve()}/"
    for line in maps.read_text().splitlines():
        span, mode, _, _, _, *path = line.split(maxsplit=5)
        # A page of a private mapping that was written to would be lost; OpenVINO's are shared and read-only.
        if path and path[0].startswith(inside) and mode == "r--s":
            start, end = (int(address, 16) for address in span.split("-"))
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
