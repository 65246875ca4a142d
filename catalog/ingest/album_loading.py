"""Loads an album's cover, and compares the album and its cover with the catalog by a content hash.

An album that is already in the catalog is not rejected if its new cover is unusable; it keeps its old cover.
"""

import hashlib
from collections.abc import Iterator
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
    """A catalog row without its embedding; `cover` is None if the album keeps the catalog's cover."""

    to_load: AlbumToLoad
    row: AlbumRow
    cover: bytes | None
    notes: tuple[Note, ...]
    #: The URL that sent the cover, after all redirects; None if no URL was fetched.
    final_url: str | None = None

    def is_unchanged(self) -> bool:
        """Return whether the catalog already has the same row with the same cover."""
        origin = self.to_load.origin
        return origin is not None and origin.content_hash == self.row.content_hash

    def has_same_cover(self) -> bool:
        """Return whether the catalog's embedding was made from the same cover."""
        origin = self.to_load.origin
        known = None if origin is None else origin.cover_hash
        return known is not None and known == self.row.cover_hash

    def has_same_validators(self) -> bool:
        origin, row = self.to_load.origin, self.row
        return origin is not None and (origin.cover_etag, origin.cover_last_modified) == (
            row.cover_etag,
            row.cover_last_modified,
        )

    def to_embed(
        self, *, wants_thumbnails: bool = False, wants_print: bool = False
    ) -> CoverToEmbed[AlbumRow]:
        """Return the cover as an item for the embedder."""
        assert self.cover is not None  # noqa: S101 - without a new cover nothing is embedded
        return CoverToEmbed(
            self.to_load.album.row, self.row.id, self.cover, self.row, wants_thumbnails, wants_print
        )


@dataclass(frozen=True, slots=True)
class AlbumLoader:
    """Loads the covers of albums; thread-safe."""

    covers: Covers
    cover_url: str | None

    def load(self, to_load: AlbumToLoad) -> LoadedAlbum | Rejected:
        """Return an album with its cover, which is read only if it may have changed."""
        album = to_load.album
        try:
            found = self.covers.find(album.fields.id, album.cover, to_load.failed)
            cover = self.covers.read_changed(found.source, to_load.origin)
        except RowFault as fault:
            return self.keep_catalog_cover(to_load, fault)
        row = self._row(album, cover.source or found.source, cover)
        notes = (*_failures(to_load, found), *_ambiguity(album, found))
        return LoadedAlbum(to_load, row, cover.content, notes, cover.final_url)

    def load_without_origin(self, to_load: AlbumToLoad) -> LoadedAlbum | Rejected:
        """Return an album with its cover, which is always read."""
        return self.load(replace(to_load, origin=None))

    def keep_catalog_cover(self, to_load: AlbumToLoad, fault: RowFault) -> LoadedAlbum | Rejected:
        """Return an album with the catalog's cover, or a rejection if the album is not in the catalog."""
        album, origin = to_load.album, to_load.origin
        if origin is None:
            return Rejected(album.row, album.fields.id, fault.reason, fault.detail)
        detail = f"the album keeps the cover that it has: {fault.detail}"
        note = Note(album.row, album.fields.id, COVER, fault.reason, detail)
        validators = Validators(origin.cover_etag, origin.cover_last_modified)
        kept = CoverContent(None, origin.cover_hash or "", validators)
        row = self._row(album, origin.cover_source or "", kept)
        if origin.cover_hash is None:
            # Without a hash of the catalog's cover, no content hash can be computed, so keep the catalog's
            # content hash.
            row = replace(row, content_hash=origin.content_hash)
        return LoadedAlbum(to_load, row, None, (note,))

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


def _failures(to_load: AlbumToLoad, found: CoverLocation) -> Iterator[Note]:
    """Yield a note for each cover that could not be decoded before another cover was found."""
    album = to_load.album
    for cover in to_load.failed:
        detail = f"{found.source} is used, because {cover.source} cannot be decoded: {cover.fault.detail}"
        yield Note(album.row, album.fields.id, COVER, cover.fault.reason, detail)


def _ambiguity(album: Album, found: CoverLocation) -> tuple[Note, ...]:
    if not found.others:
        return ()
    detail = f"{found.source} is used; there is also {', '.join(found.others)}"
    return (Note(album.row, album.fields.id, COVER, "several_covers", detail),)


def content_hash(album: Album, *, cover_hash: str, cover_source: str, cover_url: str | None) -> str:
    """Return the SHA-256, in hex, of the row and its cover, which does not depend on the model."""
    genres = album.fields.genres
    document = {
        # `cover_url` is hashed separately from the fields, because its value may come from a template. An
        # album's only genre is written as a string instead of a list, so that the hashes of earlier releases
        # stay valid.
        "fields": album.fields.model_dump(exclude={"cover_url", "genres"})
        | {"genre": genres if len(genres) > 1 else album.fields.genre},
        "metadata": album.metadata,
        "cover": cover_hash,
        "cover_source": cover_source,
        "cover_url": cover_url,
    }
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
