"""The thumbnails of albums in both catalogs: an album has those of its present cover, or none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

from catalog.database.migrations import apply_migrations
from catalog.writer.album_row import AlbumRow
from catalog.writer.paged_reads import all_thumbnails
from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import AlbumThumbnails, CatalogWriter, CoverOfAlbum
from catalog.writer.supabase import SupabaseWriter
from common.filters import Filters
from common.thumbnails import Thumbnails
from local.servers.supabase import SupabaseConfig, SupabaseServer

FIRST, SECOND = Thumbnails("a1" * 32, "a2" * 32), Thumbnails("b1" * 32, "b2" * 32)
INGESTED = CoverOfAlbum("ingested", "c1" * 32, "one.jpg", "/covers/one.jpg")
#: An album of another tool, or of a release that kept no hash of the cover.
UNKNOWN = CoverOfAlbum("unknown", None, None, "/covers/two.jpg")


@pytest.fixture(params=["postgres", "pgbouncer", "supabase"])
def writer(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[CatalogWriter]:
    """Each implementation of the catalog writer, for a catalog with both albums."""
    write_albums(database_url, INGESTED, UNKNOWN)
    if request.param == "supabase":
        with SupabaseServer(SupabaseConfig(tmp_path / "postgrest", database_url)) as server:
            supabase = SupabaseWriter(server.url, server.service_key)
            yield supabase
            supabase.close()
        return
    url = database_url if request.param == "postgres" else request.getfixturevalue("pooled_url")
    postgres = PostgresWriter(url)
    yield postgres
    postgres.close()


def write_albums(database_url: str, *covers: CoverOfAlbum) -> None:
    writer = PostgresWriter(database_url)
    writer.upsert([row_of(cover) for cover in covers])
    writer.close()


def row_of(cover: CoverOfAlbum) -> AlbumRow:
    embedding = np.zeros(512, dtype=np.float32)
    embedding[0] = 1
    return AlbumRow(
        id=cover.id,
        embedding=embedding,
        artist="An Artist",
        album_name="An Album",
        cover_hash=cover.cover_hash,
        cover_source=cover.cover_source,
        cover_url=cover.cover_url,
    )


def seen(writer: CatalogWriter) -> dict[str, Thumbnails | None]:
    """Return the thumbnails of every album, and check that all ways of reading return the same."""
    query = np.ones(512, dtype=np.float32)
    found = {m.album.id: m.album.thumbnails for m in writer.search(query, k=10, filters=Filters())}
    assert found == {album_id: writer.album(album_id).thumbnails for album_id in found}
    assert found == {album.cover.id: album.thumbnails for album in all_thumbnails(writer)}
    for match in writer.similar("ingested", k=10, filters=Filters()):
        assert match.album.thumbnails == found[match.album.id]
    return found


def test_albums_without_thumbnails_have_none(writer: CatalogWriter) -> None:
    assert seen(writer) == {"ingested": None, "unknown": None}


def test_stored_thumbnails_are_read_by_every_function(writer: CatalogWriter) -> None:
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    assert seen(writer) == {"ingested": FIRST, "unknown": SECOND}
    assert writer.thumbnail_page(after_id=None, size=1) == [AlbumThumbnails(INGESTED, FIRST)]
    assert writer.thumbnail_page(after_id="ingested", size=10) == [AlbumThumbnails(UNKNOWN, SECOND)]
    assert set(writer.thumbnail_files()) == {FIRST, SECOND}


def test_thumbnails_that_are_made_again_replace_the_old_ones(writer: CatalogWriter) -> None:
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, FIRST)])
    writer.put_thumbnails([(INGESTED, SECOND), (INGESTED, SECOND)])

    assert seen(writer) == {"ingested": SECOND, "unknown": FIRST}


def test_albums_with_the_same_cover_share_thumbnails(writer: CatalogWriter) -> None:
    writer.put_thumbnails([(INGESTED, FIRST)])

    writer.upsert([row_of(CoverOfAlbum("another", INGESTED.cover_hash, "copy.jpg", None))])

    assert seen(writer)["another"] == FIRST


@pytest.mark.parametrize(
    "changed",
    [
        CoverOfAlbum("ingested", "dd" * 32, "one.jpg", "/covers/one.jpg"),
        CoverOfAlbum("unknown", None, None, "/covers/three.jpg"),
        CoverOfAlbum("unknown", None, "two.jpg", "/covers/two.jpg"),
        CoverOfAlbum("unknown", "dd" * 32, "two.jpg", "/covers/two.jpg"),
    ],
    ids=["its cover changed", "its address changed", "its source changed", "it was ingested"],
)
def test_an_album_with_another_cover_has_no_old_thumbnails(
    writer: CatalogWriter, changed: CoverOfAlbum
) -> None:
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, FIRST)])

    writer.upsert([row_of(changed)])

    other = {"ingested", "unknown"} - {changed.id}
    assert seen(writer) == {changed.id: None, **dict.fromkeys(other, FIRST)}


def test_a_new_address_of_the_same_cover_keeps_the_thumbnails(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    writer.put_thumbnails([(INGESTED, FIRST)])

    execute("UPDATE album_covers SET cover_url = 'https://cdn.example.org/one.jpg' WHERE id = 'ingested'")

    assert seen(writer)["ingested"] == FIRST


def test_thumbnails_may_be_stored_before_their_album(writer: CatalogWriter) -> None:
    later = CoverOfAlbum("later", "ee" * 32, "later.jpg", None)
    writer.put_thumbnails([(later, SECOND)])

    writer.upsert([row_of(later)])

    assert seen(writer)["later"] == SECOND


def test_a_deleted_album_leaves_only_thumbnails_that_can_be_deleted(writer: CatalogWriter) -> None:
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, SECOND)])
    writer.delete(["unknown"])

    kept = writer.delete_unused_thumbnails(grace_s=3600), set(writer.thumbnail_files())
    deleted = writer.delete_unused_thumbnails(grace_s=0), set(writer.thumbnail_files())

    assert kept == (0, {FIRST, SECOND})
    assert deleted == (1, {FIRST})
    assert seen(writer) == {"ingested": FIRST}


def test_the_thumbnails_of_covers_can_be_deleted(writer: CatalogWriter) -> None:
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    assert writer.delete_thumbnails([UNKNOWN, CoverOfAlbum("no album", "00" * 32, None, None)]) == 1
    assert seen(writer) == {"ingested": FIRST, "unknown": None}


def test_thumbnails_of_more_covers_than_a_page_are_listed(writer: CatalogWriter) -> None:
    covers = [CoverOfAlbum(str(n), f"{n:064}", None, None) for n in range(1201)]
    for start in range(0, len(covers), 600):
        writer.put_thumbnails([(cover, FIRST) for cover in covers[start : start + 600]])

    assert len(list(writer.thumbnail_files())) == len(covers)


def test_every_change_of_thumbnails_changes_the_catalogs_version(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    versions = [writer.version()]
    writer.put_thumbnails([(INGESTED, FIRST), (UNKNOWN, FIRST)])
    versions.append(writer.version())
    for change in (
        "UPDATE cover_thumbnails SET px_256 = px_512",
        "DELETE FROM cover_thumbnails WHERE cover_key LIKE 'album %'",
        "TRUNCATE cover_thumbnails",
    ):
        execute(change)
        versions.append(writer.version())

    assert None not in versions
    assert len(set(versions)) == 5


def test_an_existing_database_gets_the_table_and_keeps_its_thumbnails(
    writer: CatalogWriter, database_url: str, execute: Callable[[str], None]
) -> None:
    writer.put_thumbnails([(INGESTED, FIRST)])
    execute("DELETE FROM catalog_migrations WHERE name = '011_thumbnails.sql'")

    assert apply_migrations(database_url)[0] == "011_thumbnails.sql"
    assert seen(writer) == {"ingested": FIRST, "unknown": None}


@pytest.mark.parametrize("role", ["anon", "authenticated", "catalog_reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM cover_thumbnails",
        "SELECT put_thumbnails('[]')",
        "SELECT thumbnail_page(NULL, 1)",
        "SELECT thumbnail_files(NULL, 1)",
        "SELECT delete_unused_thumbnails(0)",
        "SELECT delete_thumbnails('[]')",
        "SELECT thumbnails_of('ingested')",
    ],
)
def test_only_the_writing_role_may_use_the_table_and_its_functions(
    database_url: str, role: str, statement: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "DO $$ BEGIN IF to_regrole('catalog_reader') IS NULL THEN "
            "CREATE ROLE catalog_reader NOLOGIN; END IF; END $$"
        )
        connection.execute(f"SET ROLE {role}".encode())

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
