"""What an ingest asks of wherever the covers are."""

from dataclasses import dataclass
from typing import Protocol

from catalog.ingest.mapping import Album


@dataclass(frozen=True, slots=True)
class FoundCover:
    """Where an album's cover is read, and where it could be read as well."""

    source: str
    others: tuple[str, ...] = ()


class Covers(Protocol):
    """Reads covers; any thread may call it."""

    def find(self, album_id: str, named: str | None) -> FoundCover:
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


def cover_url(album: Album, *, source: str, template: str | None) -> str | None:
    """Return the address that clients get: the table's own, or the template's."""
    if template is None or album.fields.cover_url is not None:
        return album.fields.cover_url
    return template.replace("{id}", album.fields.id).replace("{file}", source)
