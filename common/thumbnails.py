"""Thumbnails of covers: their sizes, file names, and URLs.

A thumbnail is a WebP file that is named by the SHA-256 of its content. A changed thumbnail is another file
with another URL, so clients may keep a thumbnail forever. Covers with the same picture share files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: The longest edges of the thumbnails in pixels, in ascending order.
SIZES_PX = (256, 512)
#: The path under which the gateway serves the folder of thumbnails.
SERVED_UNDER = "/thumbnails"
_FILE = re.compile(r"(?P<shard>[0-9a-f]{2})/(?P<digest>(?P=shard)[0-9a-f]{62})\.webp")


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """The SHA-256, in hex, of each thumbnail; both are equal if no edge of the cover exceeds 256 pixels."""

    px_256: str
    px_512: str

    def digests(self) -> Iterator[str]:
        """Yield the SHA-256 of each thumbnail, in the order of `SIZES_PX`."""
        yield self.px_256
        yield self.px_512


def are_thumbnails(files: Sequence[bytes]) -> bool:
    """Return whether the files are one WebP file for each of `SIZES_PX`; only the first bytes are read."""
    return len(files) == len(SIZES_PX) and all(
        file[:4] == b"RIFF" and file[8:12] == b"WEBP" for file in files
    )


def file_name(digest: str) -> str:
    """Return a thumbnail's path in its folder, such as `ab/ab12….webp`.

    The files are spread over 256 subfolders, because some file systems are slow with very large folders.
    """
    return f"{digest[:2]}/{digest}.webp"


def digest_in(name: str) -> str | None:
    """Return the SHA-256 in a path that `file_name` returned, or None for any other path."""
    found = _FILE.fullmatch(name)
    return None if found is None else found["digest"]


def thumbnail_urls(thumbnails: Thumbnails | None, public_url: str | None) -> dict[str, str] | None:
    """Return the URL of each thumbnail by its size, or None if there are no thumbnails.

    Without `public_url`, the URLs are paths on the gateway.
    """
    if thumbnails is None:
        return None
    return {
        str(size): f"{public_url or ''}{SERVED_UNDER}/{file_name(digest)}"
        for size, digest in zip(SIZES_PX, thumbnails.digests(), strict=True)
    }
