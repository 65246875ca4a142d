"""Where the covers are: files of one folder, or a column of URLs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.ingest.fetching import CoverFetcher
from catalog.ingest.mapping import Album
from catalog.ingest.rejection import RowFault

#: Tried in this order for an album whose table does not name its file.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class Covers(Protocol):
    """Reads covers; any thread may call it."""

    def source(self, album_id: str, named: str | None) -> str:
        """Return where an album's cover is to be read.

        Raises:
            RowFault: nowhere.
        """
        ...

    def read(self, source: str) -> bytes:
        """Return a cover's bytes.

        Raises:
            RowFault: it cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class CoverFolder:
    """Files by the name that the table gives, else by the album's id."""

    folder: Path
    max_bytes: int

    def source(self, album_id: str, named: str | None) -> str:
        if named is not None:
            return named
        for suffix in SUFFIXES:
            name = album_id + suffix
            if "/" not in name and (self.folder / name).is_file():
                return name
        raise RowFault("missing_cover", f"no file {album_id}{{{','.join(SUFFIXES)}}} in the folder of covers")

    def read(self, source: str) -> bytes:
        try:
            path = (self.folder / source).resolve(strict=True)
            # A table is data: it must not name files outside of the folder.
            if not path.is_relative_to(self.folder.resolve()):
                raise RowFault("cover_refused", f"{source!r:.200} lies outside of the folder of covers")
            if path.stat().st_size > self.max_bytes:
                raise RowFault("cover_too_large", f"{source!r:.200} has more than {self.max_bytes} bytes")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowFault("missing_cover", f"{source!r:.200} cannot be read: {reason}") from None


@dataclass(frozen=True, slots=True)
class CoverUrls:
    """URLs that the table gives."""

    fetcher: CoverFetcher

    def source(self, album_id: str, named: str | None) -> str:
        if named is None:
            raise RowFault("missing_cover", f"the album {album_id} has no cover URL")
        return named

    def read(self, source: str) -> bytes:
        return self.fetcher.fetch(source)


def cover_url(album: Album, *, source: str, template: str | None) -> str | None:
    """Return the address that clients get: the table's own, or the template's."""
    if template is None or album.fields.cover_url is not None:
        return album.fields.cover_url
    return template.replace("{id}", album.fields.id).replace("{file}", source)
