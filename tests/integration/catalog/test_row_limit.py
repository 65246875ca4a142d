"""PostgREST's limit `db-max-rows` does not truncate our answers, and a limit that is too low is reported."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import numpy as np
import psycopg
import pytest

from catalog.verification import verify
from catalog.writer.album_row import AlbumRow
from catalog.writer.supabase import SupabaseWriter
from common.filters import Filters
from common.search_query import K_MAX
from local.servers.supabase import SupabaseConfig, SupabaseServer

ALBUMS = 120
#: Possible values of `db-max-rows`; Supabase's default is 1,000.
LIMITS = (1, 5, 49, 50, 1000)

MakeWriter = Callable[[int], SupabaseWriter]


@pytest.fixture
def make_writer(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeWriter]:
    """Return a function that makes a catalog writer over a separate PostgREST with a row limit."""
    with ExitStack() as stack:

        def make(max_rows: int) -> SupabaseWriter:
            folder = tmp_path_factory.mktemp("postgrest")
            server = SupabaseServer(SupabaseConfig(folder, database_url, max_rows=max_rows))
            stack.enter_context(server)
            return stack.enter_context(closing(SupabaseWriter(server.url, server.service_key)))

        yield make


def album_rows() -> list[AlbumRow]:
    vectors = np.random.default_rng(2).standard_normal((ALBUMS, 512)).astype(np.float32)
    return [
        AlbumRow(
            id=f"{n:03}",
            embedding=vector / np.linalg.norm(vector),
            artist="A",
            album_name="N",
            genre=f"Genre {n}",
            content_hash="c",
            cover_hash="h",
        )
        for n, vector in enumerate(vectors)
    ]


@pytest.mark.parametrize("max_rows", LIMITS)
def test_our_answers_are_complete_under_a_row_limit(
    make_writer: MakeWriter, database_url: str, max_rows: int
) -> None:
    writer, rows = make_writer(max_rows), album_rows()
    ids = [row.id for row in rows]

    writer.upsert(rows)

    found = writer.search(rows[0].embedding, k=K_MAX, filters=Filters())
    assert len(found) == K_MAX
    assert found[0].album.id == "000"
    assert len(writer.similar("000", k=K_MAX, filters=Filters())) == K_MAX
    assert set(writer.embeddings(ids)) == set(ids)
    assert len(writer.genres()) == ALBUMS
    assert len(writer.stats().genres) == writer.stats().total_albums == ALBUMS
    assert writer.album("007").genre == "Genre 7"
    assert [row["id"] for row in writer.page(after_id=None, size=ALBUMS)] == ids
    assert set(writer.origins(ids)) == set(ids)
    assert writer.update(rows) == set(ids)
    assert writer.findings().embedded == ALBUMS
    assert writer.delete(ids) == set(ids)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM album_covers").fetchone() == (0,)


@pytest.mark.parametrize("max_rows", LIMITS)
def test_a_row_limit_below_the_maximum_k_is_reported_with_a_remedy(
    make_writer: MakeWriter, max_rows: int
) -> None:
    writer = make_writer(max_rows)

    warned = writer.warnings()
    failed = [check for check in verify(writer, fingerprint=None, covers=None) if check.name == "row limit"]

    if max_rows >= K_MAX:
        assert warned == []
        assert failed[0].holds
    else:
        assert [fault.problem for fault in warned] == ["rows_capped"]
        assert "db-max-rows" in warned[0].detail
        assert f"{max_rows} of {K_MAX} rows came" in warned[0].detail
        assert not failed[0].holds
        assert "db-max-rows" in failed[0].seen
