"""Writes albums to Supabase with supabase-py."""

from collections.abc import Sequence
from typing import Any

from postgrest.types import ReturnMethod

from catalog.writer.album_row import AlbumRow, row_fields, vector_literal
from catalog.writer.sql_functions import TIMEOUT_S, FunctionWriter
from common.catalog.supabase import SupabaseCatalog


class SupabaseWriter(FunctionWriter, SupabaseCatalog):
    """A catalog writer that uses a Supabase URL and its service-role key."""

    def __init__(self, url: str, key: str, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, key, timeout_s=timeout_s, connections=4)

    def upsert(self, rows: Sequence[AlbumRow]) -> None:
        records = [_record(row) for row in rows]
        self._answer(
            lambda client: client.table("album_covers").upsert(records, returning=ReturnMethod.minimal)
        )

    def update(self, rows: Sequence[AlbumRow]) -> set[str]:
        return set(self._document("update_albums", {"albums": [row_fields(row) for row in rows]}))


def _record(row: AlbumRow) -> dict[str, Any]:
    return row_fields(row) | {"embedding": vector_literal(row.embedding)}
