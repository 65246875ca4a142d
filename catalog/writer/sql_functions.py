"""The part of a catalog writer that calls SQL functions; the PostgreSQL and Supabase writers share it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from catalog.writer.album_row import palette_columns, vector_literal
from catalog.writer.protocol import (
    PAGE,
    AlbumThumbnails,
    CoverOfAlbum,
    EmbeddingCounts,
    Findings,
    IndexState,
    MissingAlbum,
    NewEmbedding,
    Origin,
    PrintCounts,
)
from common.catalog.print_documents import print_document, print_from_document
from common.catalog.protocol import ModelStamp
from common.catalog.row_mapping import thumbnails_from_document
from common.catalog.sql_functions import FunctionCatalog
from common.colours.palette import Palette
from common.prints import Print
from common.thumbnails import Thumbnails

#: The time limit of one call, in seconds, for a page or a batch of albums on a busy database.
TIMEOUT_S = 60.0


class FunctionWriter(FunctionCatalog):
    """All methods of a writer except `upsert` and `update`; subclasses encode arguments of type jsonb."""

    def _json(self, value: object) -> object:
        """Return a value as an argument of the type jsonb."""
        return value

    def origins(self, album_ids: Sequence[str]) -> dict[str, Origin]:
        found = self._document("album_origins", {"album_ids": list(album_ids)})
        return {album_id: Origin(**kept) for album_id, kept in found.items()}

    def delete(self, album_ids: Sequence[str]) -> set[str]:
        return set(self._document("delete_albums", {"album_ids": list(album_ids)}))

    def page(self, *, after_id: str | None, size: int) -> list[dict[str, Any]]:
        return list(self._document("album_page", {"after_id": after_id, "page_size": size}))

    def embedding_counts(self) -> EmbeddingCounts:
        return EmbeddingCounts(**self._document("embedding_counts", {}))

    def missing(self, *, after_id: str | None, size: int) -> list[MissingAlbum]:
        found = self._document("missing_albums", {"after_id": after_id, "page_size": size})
        return [MissingAlbum(**album) for album in found]

    def embed(self, made: Sequence[NewEmbedding], *, model_fingerprint: str) -> set[str]:
        albums = self._json([_record(embedding) for embedding in made])
        arguments = {"albums": albums, "model_fingerprint": model_fingerprint}
        return set(self._document("embed_albums", arguments))

    def put_thumbnails(self, made: Sequence[tuple[CoverOfAlbum, Thumbnails]]) -> None:
        rows = [asdict(cover) | asdict(thumbnails) for cover, thumbnails in made]
        self._document("put_thumbnails", {"thumbnails": self._json(rows)})

    def thumbnail_page(self, *, after_id: str | None, size: int) -> list[AlbumThumbnails]:
        found = self._document("thumbnail_page", {"after_id": after_id, "page_size": size})
        return [
            AlbumThumbnails(
                CoverOfAlbum(row["id"], row["cover_hash"], row["cover_source"], row["cover_url"]),
                thumbnails_from_document(row["thumbnails"]),
            )
            for row in found
        ]

    def thumbnail_files(self) -> Iterator[Thumbnails]:
        after_key: str | None = None
        while page := self._document("thumbnail_files", {"after_key": after_key, "page_size": PAGE}):
            yield from (Thumbnails(px_256=row["256"], px_512=row["512"]) for row in page)
            after_key = page[-1]["cover_key"]

    def delete_unused_thumbnails(self, *, grace_s: float) -> int:
        return int(self._document("delete_unused_thumbnails", {"grace_s": grace_s}))

    def delete_thumbnails(self, covers: Sequence[CoverOfAlbum]) -> int:
        rows = [asdict(cover) for cover in covers]
        return int(self._document("delete_thumbnails", {"covers": self._json(rows)}))

    def count_without_palette(self, *, version: int) -> int:
        return int(self._document("count_without_palette", {"wanted_version": version}))

    def covers_without_palette(self, *, version: int, after_id: str | None, size: int) -> list[CoverOfAlbum]:
        arguments = {"wanted_version": version, "after_id": after_id, "page_size": size}
        return [CoverOfAlbum(**cover) for cover in self._document("covers_without_palette", arguments)]

    def write_palettes(self, made: Sequence[tuple[CoverOfAlbum, Palette]]) -> set[str]:
        rows = [asdict(cover) | palette_columns(palette) for cover, palette in made]
        return set(self._document("write_palettes", {"palettes": self._json(rows)}))

    def put_prints(
        self, made: Sequence[tuple[CoverOfAlbum, Print]], *, only_present: bool = False
    ) -> set[str]:
        rows = [asdict(cover) | print_document(cover_print) for cover, cover_print in made]
        return set(self._document("put_prints", {"prints": self._json(rows), "only_present": only_present}))

    def print_page(self, *, after_id: str | None, size: int) -> list[tuple[str, Print]]:
        found = self._document("print_page", {"after_id": after_id, "page_size": size})
        return [(row["id"], print_from_document(row["print"])) for row in found]

    def print_counts(self, *, version: int) -> PrintCounts:
        return PrintCounts(**self._document("print_counts", {"wanted_version": version}))

    def covers_without_print(self, *, version: int, after_id: str | None, size: int) -> list[CoverOfAlbum]:
        arguments = {"wanted_version": version, "after_id": after_id, "page_size": size}
        return [CoverOfAlbum(**cover) for cover in self._document("covers_without_print", arguments)]

    def delete_prints(self, album_ids: Sequence[str]) -> int:
        return int(self._document("delete_prints", {"album_ids": list(album_ids)}))

    def count_unused_prints(self, *, grace_s: float) -> int:
        return int(self._document("count_unused_prints", {"grace_s": grace_s}))

    def delete_unused_prints(self, *, grace_s: float) -> int:
        return int(self._document("delete_unused_prints", {"grace_s": grace_s}))

    def write_stamp(self, stamp: ModelStamp) -> None:
        self._document("stamp_catalog", asdict(stamp))

    def findings(self) -> Findings:
        found = self._document("catalog_findings", {})
        index = found["index"]
        return Findings(
            albums=found["albums"],
            embedded=found["embedded"],
            not_unit_length=found["not_unit_length"],
            without_names=found["without_names"],
            index=None
            if index is None
            else IndexState(**index, usable=f'"{index["name"]}"' in json.dumps(found["plan"])),
            walks=bool(self._document("search_walks", {})),
        )


def _record(made: NewEmbedding) -> dict[str, Any]:
    return palette_columns(made.palette) | {
        "id": made.album.id,
        "embedding": vector_literal(made.embedding),
        "cover_hash": made.cover_hash,
        "cover_source": made.cover_source,
        "cover_etag": made.cover_etag,
        "cover_last_modified": made.cover_last_modified,
        "seen_source": made.album.cover_source,
        "seen_url": made.album.cover_url,
    }
