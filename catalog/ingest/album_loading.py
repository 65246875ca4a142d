"""An album with the cover that its embedding is to be made from, or with the one that it keeps.

An album that is in the catalog is never rejected for its cover: it keeps the cover that it has.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import orjson

from catalog.ingest.columns.fields import COVER, Album
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.covers.protocol import AlbumToLoad, CoverContent, CoverLocation, Covers, cover_url
from catalog.ingest.embedding.protocol import CoverToEmbed
from catalog.ingest.rejection import Note, Rejected, RowFault
from catalog.writer.album_row import AlbumRow

_NO_EMBEDDING = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class LoadedAlbum:
    """A row that lacks nothing but its embedding; the cover is None where it is the catalog's own."""

    wanted: AlbumToLoad
    row: AlbumRow
    cover: bytes | None
    notes: tuple[Note, ...]

    def is_unchanged(self) -> bool:
        """Say whether the catalog has the same row, made from the same cover."""
        origin = self.wanted.origin
        return origin is not None and origin.content_hash == self.row.content_hash

    def has_same_cover(self) -> bool:
        """Say whether the embedding that the catalog has is that of the cover."""
        origin = self.wanted.origin
        known = None if origin is None else origin.cover_hash
        return known is not None and known == self.row.cover_hash

    def has_same_validators(self) -> bool:
        origin, row = self.wanted.origin, self.row
        return origin is not None and (origin.cover_etag, origin.cover_last_modified) == (
            row.cover_etag,
            row.cover_last_modified,
        )

    def covered(self) -> CoverToEmbed[AlbumRow]:
        """Return what is to be embedded."""
        assert self.cover is not None  # noqa: S101 - whoever has the catalog's own cover needs no embedding
        return CoverToEmbed(self.wanted.album.row, self.row.id, self.cover, self.row)


@dataclass(frozen=True, slots=True)
class AlbumLoader:
    """Reads covers; any thread may call it."""

    covers: Covers
    cover_url: str | None

    def load(self, wanted: AlbumToLoad) -> LoadedAlbum | Rejected:
        """Return an album with its cover."""
        album = wanted.album
        try:
            found = self.covers.find(album.fields.id, album.cover)
            cover = self.covers.read_changed(found.source, wanted.origin)
        except RowFault as fault:
            return self.keep(wanted, fault)
        return LoadedAlbum(
            wanted, self._row(album, found.source, cover), cover.content, _ambiguity(album, found)
        )

    def load_anew(self, wanted: AlbumToLoad) -> LoadedAlbum | Rejected:
        """Return an album with its cover, whatever the catalog has."""
        return self.load(replace(wanted, origin=None))

    def keep(self, wanted: AlbumToLoad, fault: RowFault) -> LoadedAlbum | Rejected:
        """Return an album with the cover that it has in the catalog; one that is not there is rejected."""
        album, origin = wanted.album, wanted.origin
        if origin is None:
            return Rejected(album.row, album.fields.id, fault.reason, fault.detail)
        detail = f"the album keeps the cover that it has: {fault.detail}"
        note = Note(album.row, album.fields.id, COVER, fault.reason, detail)
        validators = Validators(origin.cover_etag, origin.cover_last_modified)
        kept = CoverContent(None, origin.cover_hash or "", validators)
        row = self._row(album, origin.cover_source or "", kept)
        if origin.cover_hash is None:
            # Which cover its embedding was made from was never kept, so that its row is left as it is.
            row = replace(row, content_hash=origin.content_hash)
        return LoadedAlbum(wanted, row, None, (note,))

    def _row(self, album: Album, source: str, cover: CoverContent) -> AlbumRow:
        url = cover_url(album, source=source, template=self.cover_url)
        digest = content_hash(album, cover_hash=cover.hash, cover_source=source, cover_url=url)
        return AlbumRow(
            embedding=_NO_EMBEDDING,
            metadata=album.metadata,
            content_hash=digest,
            cover_hash=cover.hash,
            cover_source=source,
            cover_etag=cover.validators.etag,
            cover_last_modified=cover.validators.last_modified,
            **album.fields.model_dump() | {"cover_url": url},
        )


def _ambiguity(album: Album, found: CoverLocation) -> tuple[Note, ...]:
    if not found.others:
        return ()
    detail = f"{found.source} is taken; there is also {', '.join(found.others)}"
    return (Note(album.row, album.fields.id, COVER, "several_covers", detail),)


def content_hash(album: Album, *, cover_hash: str, cover_source: str, cover_url: str | None) -> str:
    """Return a SHA-256, in hex, over the row and its cover; the model is no part of it."""
    genres = album.fields.genres
    document = {
        # The address is told below, wherever it came from. A single genre is told as it was before an album
        # could have several.
        "fields": album.fields.model_dump(exclude={"cover_url", "genres"})
        | {"genre": genres if len(genres) > 1 else album.fields.genre},
        "metadata": album.metadata,
        "cover": cover_hash,
        "cover_source": cover_source,
        "cover_url": cover_url,
    }
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
