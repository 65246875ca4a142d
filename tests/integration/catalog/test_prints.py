"""The prints of covers in both catalogs: an album has the print of its present cover, or none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import psycopg
import pytest
from PIL import Image

from catalog.database.migrations import apply_migrations
from catalog.writer.paged_reads import all_prints
from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import CatalogWriter, CoverOfAlbum, PrintCounts
from catalog.writer.supabase import SupabaseWriter
from common.catalog.protocol import PRINTS_MAX
from common.errors import CoverSearchError, InvalidParameter
from common.prints import MAX_POINTS, MAX_SIDE_PX, POINT_BYTES, PRINT_VERSION, Print
from local.servers.supabase import SupabaseConfig, SupabaseServer
from tests.integration.catalog.test_thumbnails import row_of, write_albums

INGESTED = CoverOfAlbum("ingested", "c1" * 32, "one.jpg", "/covers/one.jpg")
#: An album of another tool, or of a release that kept no hash of the cover.
UNKNOWN = CoverOfAlbum("unknown", None, None, "/covers/two.jpg")
ODD_IDS = ("0", " ", "a,b", '{"id": 1}', "O'Brien; DROP TABLE cover_prints", "日本 \\ \n\t", "{x}", "é" * 200)


def print_of(seed: int, *, points: int = MAX_POINTS) -> Print:
    """Return a print with random points and a random hash."""
    draw = np.random.default_rng(seed)
    file = BytesIO()
    Image.fromarray(draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "WEBP", quality=10)
    return Print(
        version=PRINT_VERSION,
        side_px=MAX_SIDE_PX,
        points=draw.bytes(points * POINT_BYTES),
        thumbnail=file.getvalue(),
        pdq=draw.bytes(32),
    )


FIRST, SECOND = print_of(1), print_of(2, points=0)


@pytest.fixture(params=["postgres", "pgbouncer", "supabase"])
def writer(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[CatalogWriter]:
    """A catalog with both albums, open for writing behind each implementation."""
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


def seen(writer: CatalogWriter) -> dict[str, Print]:
    """Return the prints of both albums, and check that all ways of reading return the same."""
    found = writer.prints(["ingested", "unknown"])
    assert found.version == writer.version() is not None
    assert found.damaged == ()
    assert dict(all_prints(writer)) == found
    counts = writer.print_counts(version=PRINT_VERSION)
    assert counts == PrintCounts(missing=2 - len(found), other_version=0)
    without = writer.covers_without_print(version=PRINT_VERSION, after_id=None, size=10)
    assert {cover.id for cover in without} == {"ingested", "unknown"} - found.keys()
    return dict(found)


def test_albums_without_a_print_are_left_out_and_listed_with_their_covers(writer: CatalogWriter) -> None:
    assert seen(writer) == {}
    assert writer.covers_without_print(version=PRINT_VERSION, after_id=None, size=1) == [INGESTED]
    assert writer.covers_without_print(version=PRINT_VERSION, after_id="ingested", size=9) == [UNKNOWN]


def test_stored_prints_are_read_as_they_were_made(writer: CatalogWriter) -> None:
    stored = writer.put_prints([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    assert stored == {"ingested", "unknown"}
    assert seen(writer) == {"ingested": FIRST, "unknown": SECOND}
    assert writer.prints(["no album", "unknown", "unknown"]) == {"unknown": SECOND}
    assert writer.prints([]) == {}


def test_a_print_that_is_made_again_replaces_the_old_one(writer: CatalogWriter) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, FIRST)])
    writer.put_prints([(INGESTED, SECOND), (INGESTED, SECOND)])

    assert seen(writer) == {"ingested": SECOND, "unknown": FIRST}


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
def test_an_album_with_another_cover_does_not_have_the_old_print(
    writer: CatalogWriter, changed: CoverOfAlbum
) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, FIRST)])

    writer.upsert([row_of(changed)])

    (other,) = {"ingested", "unknown"} - {changed.id}
    assert seen(writer) == {other: FIRST}
    assert writer.count_unused_prints(grace_s=0) == 1


def test_a_new_address_of_the_same_cover_keeps_the_print(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    writer.put_prints([(INGESTED, FIRST)])

    execute("UPDATE album_covers SET cover_url = 'https://cdn.example.org/one.jpg' WHERE id = 'ingested'")

    assert seen(writer) == {"ingested": FIRST}


def test_albums_that_are_replaced_in_one_transaction_keep_their_prints(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    execute(
        "CREATE TEMP TABLE kept AS TABLE album_covers; TRUNCATE album_covers; "
        "INSERT INTO album_covers (id, embedding, cover_hash, cover_source, cover_url) "
        "SELECT id, embedding, cover_hash, cover_source, cover_url FROM kept"
    )

    assert seen(writer) == {"ingested": FIRST, "unknown": SECOND}


def test_a_print_may_be_stored_before_its_album(writer: CatalogWriter) -> None:
    later = CoverOfAlbum("later", "ee" * 32, "later.jpg", None)
    writer.put_prints([(later, FIRST)])
    before = writer.prints(["later"])

    writer.upsert([row_of(later)])

    assert before == {}
    assert writer.prints(["later"]) == {"later": FIRST}


def test_the_print_of_a_cover_that_is_never_written_leaves_the_print_of_the_present_cover(
    writer: CatalogWriter,
) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, FIRST)])

    # The ingest is killed, or the catalog refuses the album, before the row names the new cover.
    writer.put_prints([(replace(INGESTED, cover_hash="dd" * 32), SECOND)])

    assert seen(writer) == {"ingested": FIRST, "unknown": FIRST}


def test_a_print_that_was_made_slowly_does_not_replace_the_print_of_a_newer_cover(
    writer: CatalogWriter,
) -> None:
    newer = replace(INGESTED, cover_hash="dd" * 32)
    writer.put_prints([(newer, SECOND)])
    writer.upsert([row_of(newer)])

    stored = writer.put_prints([(INGESTED, FIRST), (UNKNOWN, FIRST)], only_present=True)

    assert stored == {"unknown"}
    assert seen(writer) == {"ingested": SECOND, "unknown": FIRST}


def test_a_deleted_album_takes_its_print_with_it(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    writer.delete(["unknown"])
    with_command = writer.count_unused_prints(grace_s=0)
    execute("DELETE FROM album_covers")

    assert with_command == 0
    assert writer.prints(["ingested", "unknown"]) == {}
    assert (writer.count_unused_prints(grace_s=3600), writer.delete_unused_prints(grace_s=3600)) == (0, 0)
    assert (writer.count_unused_prints(grace_s=0), writer.delete_unused_prints(grace_s=0)) == (1, 1)
    assert writer.count_unused_prints(grace_s=0) == 0


def test_the_prints_of_albums_can_be_deleted(writer: CatalogWriter) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, SECOND)])

    assert writer.delete_prints(["unknown", "no album"]) == 1
    assert seen(writer) == {"ingested": FIRST}


def test_a_print_of_another_version_is_counted_and_never_read(writer: CatalogWriter) -> None:
    other = replace(FIRST, version=PRINT_VERSION + 1)
    writer.put_prints([(INGESTED, other), (UNKNOWN, SECOND)])

    assert writer.prints(["ingested", "unknown"]) == {"unknown": SECOND}
    assert writer.print_counts(version=PRINT_VERSION) == PrintCounts(missing=0, other_version=1)
    assert writer.covers_without_print(version=PRINT_VERSION, after_id=None, size=9) == [INGESTED]
    assert dict(all_prints(writer))["ingested"] == other


@pytest.mark.parametrize("column", ["points", "thumbnail", "side_px"])
def test_a_damaged_print_is_named_and_not_returned(
    writer: CatalogWriter, execute: Callable[[str], None], column: str
) -> None:
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, SECOND)])
    damage = "0" if column == "side_px" else f"substr({column}, 1, length({column}) - 1)"

    execute(f"UPDATE cover_prints SET {column} = {damage} WHERE album_id = 'ingested'")

    found = writer.prints(["ingested", "unknown"])
    assert found == {"unknown": SECOND}
    assert found.damaged == ("ingested",)


def test_a_print_larger_than_8_kb_is_refused(writer: CatalogWriter) -> None:
    large = replace(FIRST, points=bytes(7000), thumbnail=bytes(1001))

    with pytest.raises(CoverSearchError):
        writer.put_prints([(INGESTED, large)])

    assert seen(writer) == {}


def test_odd_ids_have_prints_too(writer: CatalogWriter) -> None:
    covers = [CoverOfAlbum(album_id, None, None, None) for album_id in ODD_IDS]
    writer.upsert([row_of(cover) for cover in covers])
    prints = {cover.id: print_of(number) for number, cover in enumerate(covers)}

    writer.put_prints([(cover, prints[cover.id]) for cover in covers], only_present=True)

    assert writer.prints(ODD_IDS) == prints
    assert dict(all_prints(writer)) == prints
    assert {cover.id for cover in covers} == writer.delete(ODD_IDS)
    assert writer.count_unused_prints(grace_s=0) == 0


def test_the_prints_of_50_albums_are_read_at_once_and_of_more_are_refused(writer: CatalogWriter) -> None:
    covers = [CoverOfAlbum(f"{n:03}", f"{n:064}", None, None) for n in range(PRINTS_MAX)]
    writer.upsert([row_of(cover) for cover in covers])
    writer.put_prints([(cover, FIRST) for cover in covers])

    ids = [cover.id for cover in covers]
    assert writer.prints(ids).keys() == set(ids)
    with pytest.raises(InvalidParameter, match="at most 50 albums"):
        writer.prints([*ids, "ingested"])


def test_prints_of_more_albums_than_a_page_are_listed(writer: CatalogWriter) -> None:
    covers = [CoverOfAlbum(f"{n:03}", f"{n:064}", None, None) for n in range(230)]
    writer.upsert([row_of(cover) for cover in covers])
    writer.put_prints([(cover, SECOND) for cover in covers])

    assert [album_id for album_id, _ in all_prints(writer)] == [cover.id for cover in covers]


def test_every_change_of_prints_changes_the_catalogs_version(
    writer: CatalogWriter, execute: Callable[[str], None]
) -> None:
    versions = [writer.version()]
    writer.put_prints([(INGESTED, FIRST), (UNKNOWN, FIRST)])
    versions.append(writer.version())
    for change in (
        "UPDATE cover_prints SET side_px = 300",
        "DELETE FROM cover_prints WHERE album_id = 'unknown'",
        "TRUNCATE cover_prints",
    ):
        execute(change)
        versions.append(writer.version())

    assert None not in versions
    assert len(set(versions)) == 5


def test_an_existing_database_gets_the_table_and_keeps_its_prints(
    writer: CatalogWriter, database_url: str, execute: Callable[[str], None]
) -> None:
    writer.put_prints([(INGESTED, FIRST)])
    execute("DELETE FROM catalog_migrations WHERE name = '001_prints.sql'")

    assert apply_migrations(database_url)[0] == "001_prints.sql"
    assert seen(writer) == {"ingested": FIRST}


@pytest.fixture
def with_reader(database_url: str) -> None:
    """Create the role that may only read, and apply the schema again, which grants its privileges."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "DO $$ BEGIN IF to_regrole('catalog_reader') IS NULL THEN "
            "CREATE ROLE catalog_reader NOLOGIN; END IF; END $$"
        )
        connection.execute("DELETE FROM catalog_migrations")
    apply_migrations(database_url)


@pytest.mark.usefixtures("with_reader")
@pytest.mark.parametrize("role", ["anon", "authenticated", "catalog_reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM cover_prints",
        "DELETE FROM cover_prints",
        "SELECT put_prints('[]')",
        "SELECT print_page(NULL, 1)",
        "SELECT print_counts(1)",
        "SELECT covers_without_print(1, NULL, 1)",
        "SELECT delete_prints('{}')",
        "SELECT count_unused_prints(0)",
        "SELECT delete_unused_prints(0)",
        "SELECT is_unused_print(p, 0) FROM cover_prints p",
        "SELECT print_document(NULL)",
    ],
)
def test_only_the_writing_role_may_use_the_table_and_its_functions(
    database_url: str, role: str, statement: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(f"SET ROLE {role}".encode())

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.usefixtures("with_reader")
def test_the_reading_role_may_read_prints_and_the_roles_of_browsers_may_not(database_url: str) -> None:
    write_albums(database_url, INGESTED)
    writing = PostgresWriter(database_url)
    writing.put_prints([(INGESTED, FIRST)])
    writing.close()
    read = b"SELECT album_prints('{ingested}', 1)->'prints'->'ingested'->>'side_px'"

    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE catalog_reader")
        assert connection.execute(read).fetchone() == (str(MAX_SIDE_PX),)
    for role in ("anon", "authenticated"):
        with psycopg.connect(database_url) as connection:
            connection.execute(f"SET ROLE {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(read)
