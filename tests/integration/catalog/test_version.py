"""The catalog's version changes with every kind of write, and at no other time."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
import pytest

from catalog.database.migrations import apply_migrations
from common.catalog.protocol import Catalog
from common.filters import Filters
from local.servers.postgres import PostgresConfig, PostgresServer, find_binaries
from tests.integration.catalog.conftest import Opened
from tests.polling import eventually

QUERY = np.eye(1, 512, dtype=np.float32)[0]
ONE = "[" + ",".join(["1"] + ["0"] * 511) + "]"
ALBUM = f"INSERT INTO album_covers (id, embedding, artist) VALUES ('old', '{ONE}', 'Old')"

#: Statements that change the catalog, for a connection in autocommit mode.
WAYS = {
    "an insert": "INSERT INTO album_covers (id) VALUES ('new')",
    "an update": "UPDATE album_covers SET artist = 'New'",
    "a deletion": "DELETE FROM album_covers",
    "an upsert": "INSERT INTO album_covers (id) VALUES ('old') ON CONFLICT (id) DO UPDATE SET artist = 'New'",
    "a part of a query": "WITH gone AS (DELETE FROM album_covers RETURNING id) SELECT * FROM gone",
    "a truncation": "TRUNCATE album_covers",
    "one transaction of many": "BEGIN; UPDATE album_covers SET artist = 'A'; "
    "INSERT INTO album_covers (id) VALUES ('new'); COMMIT",
    "a savepoint that went back": "BEGIN; SAVEPOINT s; UPDATE album_covers SET artist = 'A'; ROLLBACK TO s; "
    "UPDATE album_covers SET artist = 'B'; COMMIT",
    "a savepoint that was kept": "BEGIN; SAVEPOINT s; "
    "UPDATE album_covers SET artist = 'A'; RELEASE s; COMMIT",
    "a snapshot of the whole transaction": "BEGIN ISOLATION LEVEL REPEATABLE READ; "
    "UPDATE album_covers SET artist = 'A'; COMMIT",
    "a serializable transaction": "BEGIN ISOLATION LEVEL SERIALIZABLE; "
    "UPDATE album_covers SET artist = 'A'; COMMIT",
    "settings that were reset": "BEGIN; DELETE FROM album_covers; RESET ALL; COMMIT",
    "a session that passes for a replica": "SET session_replication_role = replica; "
    "UPDATE album_covers SET artist = 'A'; RESET session_replication_role",
    "a frozen load": "BEGIN; TRUNCATE album_covers; COPY album_covers (id) FROM PROGRAM 'echo new' "
    "WITH (FREEZE); COMMIT",
    "a rewrite of a column": "ALTER TABLE album_covers ALTER artist TYPE text USING upper(artist)",
    "names of columns that change places": "ALTER TABLE album_covers RENAME artist TO other; "
    "ALTER TABLE album_covers RENAME album_name TO artist; "
    "ALTER TABLE album_covers RENAME other TO album_name",
    "another table in its place": "BEGIN; CREATE TABLE beside (LIKE album_covers INCLUDING ALL); "
    "ALTER TABLE album_covers RENAME TO album_covers_before; ALTER TABLE beside RENAME TO album_covers; "
    "CREATE TRIGGER album_covers_changed AFTER INSERT ON album_covers "
    "EXECUTE FUNCTION bump_catalog_version(); "
    "CREATE TRIGGER album_covers_row_applied AFTER INSERT ON album_covers FOR EACH ROW "
    "EXECUTE FUNCTION bump_catalog_version(); "
    "ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed; "
    "ALTER TABLE album_covers ENABLE REPLICA TRIGGER album_covers_row_applied; COMMIT",
    "triggers that were off meanwhile": "ALTER TABLE album_covers DISABLE TRIGGER album_covers_changed; "
    "UPDATE album_covers SET artist = 'A'; "
    "ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed",
    "triggers that were off within a transaction": "BEGIN; "
    "ALTER TABLE album_covers DISABLE TRIGGER album_covers_changed; UPDATE album_covers SET artist = 'A'; "
    "ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed; COMMIT",
    "another stamp": "SELECT stamp_catalog('a/model', 'f00d')",
    "a stamp by hand": "UPDATE catalog_model SET model = 'a/model', fingerprint = 'f00d'",
}


@pytest.fixture
def album(database_url: str) -> None:
    run(database_url, ALBUM)


def run(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements.split("; "):
            connection.execute(statement.encode())


def seen(catalog: Catalog) -> str | None:
    """Return the catalog version that a search result contains."""
    version = catalog.search(QUERY, k=1, filters=Filters()).version
    assert version == catalog.version()
    return version


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("album")
def test_every_kind_of_write_makes_a_new_version(writable: Opened, way: str) -> None:
    before = seen(writable.catalog)

    run(writable.database_url, WAYS[way])

    assert before is not None
    assert seen(writable.catalog) not in {before, None}


@pytest.mark.usefixtures("album")
def test_a_statement_without_changes_keeps_the_version(writable: Opened) -> None:
    before = seen(writable.catalog)

    run(writable.database_url, "BEGIN; DELETE FROM album_covers; ROLLBACK")
    run(
        writable.database_url,
        "SELECT * FROM album_covers; VACUUM ANALYZE album_covers; REINDEX TABLE album_covers",
    )

    assert seen(writable.catalog) == before


@pytest.mark.usefixtures("album")
def test_every_answer_has_the_version_it_was_read_at(writable: Opened) -> None:
    version = writable.catalog.version()

    assert writable.catalog.similar("old", k=1, filters=Filters()).version == version
    assert writable.catalog.embeddings(["old"]).version == version


@pytest.mark.usefixtures("album")
def test_a_late_commit_makes_a_new_version_when_it_commits(writable: Opened) -> None:
    with psycopg.connect(writable.database_url) as late:
        late.execute("UPDATE album_covers SET artist = 'Late'")
        before = seen(writable.catalog)
        run(writable.database_url, "UPDATE album_covers SET genre = 'Rock' WHERE id = 'none'")
        between = seen(writable.catalog)
        late.commit()

    assert len({before, between, seen(writable.catalog)}) == 3


@pytest.mark.parametrize("table", ["cover_thumbnails", "cover_prints"])
def test_without_the_triggers_of_a_table_of_covers_there_is_no_version_until_migration(
    writable: Opened, table: str
) -> None:
    before = seen(writable.catalog)
    run(writable.database_url, f"ALTER TABLE {table} DISABLE TRIGGER {table}_changed")
    off = seen(writable.catalog)
    run(writable.database_url, f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    half_on = seen(writable.catalog)

    applied = apply_migrations(writable.database_url)

    assert (off, half_on) == (None, None)
    assert applied[0] == "006_catalog_version.sql"
    assert seen(writable.catalog) not in {before, None}


@pytest.mark.usefixtures("album")
def test_after_a_restore_without_triggers_there_is_no_version_until_migration(writable: Opened) -> None:
    before = seen(writable.catalog)
    run(
        writable.database_url,
        "ALTER TABLE album_covers DISABLE TRIGGER ALL; UPDATE album_covers SET artist = 'R'",
    )
    off = seen(writable.catalog)
    run(writable.database_url, "ALTER TABLE album_covers ENABLE TRIGGER ALL")
    half_on = seen(writable.catalog)
    warned = [fault.problem for fault in writable.catalog.warnings()]

    applied = apply_migrations(writable.database_url)

    assert (off, half_on) == (None, None)
    assert warned == ["changes_untracked"]
    assert applied[0] == "006_catalog_version.sql"
    assert seen(writable.catalog) not in {before, None}
    assert writable.catalog.warnings() == []


def dump(url: str, file: Path, *options: str) -> None:
    client(url, "pg_dump", "--format=custom", f"--file={file}", *options)


def client(url: str, program: str, *arguments: str) -> None:
    command = [str(find_binaries() / program), f"--dbname={url}", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("options", [(), ("--disable-triggers",), ("--single-transaction",)], ids=" ".join)
def test_restoring_an_older_dump_does_not_restore_its_version(
    writable: Opened, tmp_path: Path, options: tuple[str, ...]
) -> None:
    run(writable.database_url, ALBUM)
    known = {seen(writable.catalog)}
    dump(
        writable.database_url,
        tmp_path / "dump",
        "--data-only",
        "--table=album_covers",
        "--table=catalog_model",
    )
    run(writable.database_url, "UPDATE album_covers SET artist = 'Newer'")
    known.add(seen(writable.catalog))

    run(writable.database_url, "TRUNCATE album_covers, catalog_model")
    known.add(seen(writable.catalog))
    client(writable.database_url, "pg_restore", "--data-only", *options, str(tmp_path / "dump"))
    apply_migrations(writable.database_url)

    version = seen(writable.catalog)
    assert version is not None
    assert version not in known
    assert writable.catalog.album("old").artist == "Old"


def test_restoring_a_whole_older_database_does_not_restore_its_version(
    writable: Opened, tmp_path: Path
) -> None:
    run(writable.database_url, ALBUM)
    known = {seen(writable.catalog)}
    dump(writable.database_url, tmp_path / "dump")
    run(writable.database_url, "UPDATE album_covers SET artist = 'Newer'")
    known.add(seen(writable.catalog))

    client(writable.database_url, "pg_restore", "--clean", "--if-exists", str(tmp_path / "dump"))
    run(writable.database_url, "NOTIFY pgrst, 'reload schema'")

    version = seen(writable.catalog)
    assert version is not None
    assert version not in known
    assert writable.catalog.album("old").artist == "Old"


TWO_ALBUMS = (
    "INSERT INTO album_covers (id, embedding, artist, genre) "
    f"VALUES ('old', '{ONE}', 'Old', 'Rock'), ('other', '{ONE}', 'Other', 'Jazz')"
)
#: Reads of a catalog with `TWO_ALBUMS`; none of them returns an empty value.
READS: dict[str, Callable[[Catalog], object]] = {
    "album": lambda catalog: catalog.album("old").artist,
    "genres": lambda catalog: catalog.genres(),
    "statistics": lambda catalog: catalog.stats().total_albums,
    "names": lambda catalog: [found.album.id for found in catalog.find_albums("old", limit=5).albums],
    "embeddings": lambda catalog: list(catalog.embeddings(["old"])),
    "facets": lambda catalog: catalog.facet_columns(Filters()).total(Filters()),
    "search": lambda catalog: [found.album.id for found in catalog.search(QUERY, k=5, filters=Filters())],
    "similar": lambda catalog: [found.album.id for found in catalog.similar("old", k=5, filters=Filters())],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_that_waited_for_a_table_switch_finds_the_new_albums(
    writable: Opened, read: Callable[[Catalog], object]
) -> None:
    run(writable.database_url, TWO_ALBUMS)
    expected = read(writable.catalog)
    with psycopg.connect(writable.database_url) as refreshing, ThreadPoolExecutor(1) as thread:
        refreshing.execute("TRUNCATE album_covers")
        refreshing.execute(TWO_ALBUMS.encode())
        reading = thread.submit(read, writable.catalog)
        _wait_until_blocked(writable.database_url)
        refreshing.commit()

        assert expected
        assert reading.result() == expected


@pytest.mark.parametrize(
    "search",
    [
        f"SELECT versioned_search('{ONE}'::vector)",
        f"SELECT json_build_object('albums', json_agg(s)) FROM search_albums('{ONE}'::vector) s",
        "SELECT json_build_object('albums', json_agg(s)) FROM similar_albums('other') s",
    ],
    ids=["versioned_search", "search_albums", "similar_albums"],
)
def test_a_search_that_waited_for_a_table_switch_is_refused(
    database_url: str, execute: Callable[[str], None], search: str
) -> None:
    execute(TWO_ALBUMS)
    with (
        psycopg.connect(database_url) as refreshing,
        psycopg.connect(database_url, autocommit=True) as searching,
    ):
        refreshing.execute("TRUNCATE album_covers")
        refreshing.execute(TWO_ALBUMS.encode())
        pgconn = searching.pgconn
        pgconn.send_query(search.encode())
        _wait_until_blocked(database_url)
        refreshing.commit()
        result = pgconn.get_result()
        while pgconn.get_result() is not None:
            pass

        assert result is not None
        assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"40001"
        again = searching.execute(search.encode()).fetchone()

    assert again is not None
    assert again[0]["albums"][0]["id"] == "old"


def _wait_until_blocked(url: str) -> None:
    waiting = (
        "SELECT count(*)::text FROM pg_locks JOIN pg_database d ON d.oid = database "
        "WHERE NOT granted AND datname = current_database()"
    )
    eventually(lambda: fetch_text(url, waiting) != "0")


def test_concurrent_writers_do_not_block_and_leave_few_marks(database_url: str) -> None:
    run(database_url, "INSERT INTO album_covers (id) SELECT i::text FROM generate_series(0, 7) i")
    writers = [psycopg.connect(database_url) for _ in range(8)]

    # Eight transactions are open at the same time; if one had to wait for another, the test would fail.
    for round_ in range(150):
        for number, writer in enumerate(writers):
            writer.execute("SET LOCAL lock_timeout = '1s'")
            writer.execute("UPDATE album_covers SET artist = %s WHERE id = %s", [str(round_), str(number)])
        for writer in writers:
            writer.commit()

    for writer in writers:
        writer.close()
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM catalog_changes").fetchone()
    assert row is not None
    assert row[0] < 1000


def test_compacting_marks_keeps_the_version(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute("SELECT catalog_version()").fetchone()
        with connection.transaction():
            connection.execute("CREATE TEMP TABLE total AS SELECT sum(mark) AS mark FROM catalog_changes")
            connection.execute("DELETE FROM catalog_changes")
            connection.execute("INSERT INTO catalog_changes SELECT mark FROM total")

        assert connection.execute("SELECT catalog_version()").fetchone() == before


@pytest.fixture
def subscribed(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of a catalog and of a logical replica of the catalog, on a separate server."""
    with replicated(tmp_path, tables="FOR TABLE album_covers") as urls:
        yield urls


@contextmanager
def replicated(tmp_path: Path, *, tables: str, prepare: str = "SELECT 1") -> Iterator[tuple[str, str]]:
    """Yield the URLs of a catalog and of a subscriber, on which `prepare` is run first."""
    config = PostgresConfig(tmp_path / "replicated", durable=False)
    with PostgresServer(config) as server:
        run(server.url(), "ALTER SYSTEM SET wal_level = logical")
    with PostgresServer(config) as server:
        for name in ("source", "replica"):
            run(server.url(), f"CREATE DATABASE {name}")
            apply_migrations(server.url(name))
        source, replica = server.url("source"), server.url("replica")
        run(source, ALBUM)
        run(source, f"CREATE PUBLICATION albums {tables}")
        run(replica, prepare)
        # The replication slot is created first, because a subscription to the same server would deadlock
        # while creating the slot.
        run(source, "SELECT pg_create_logical_replication_slot('albums', 'pgoutput')")
        run(
            replica,
            f"CREATE SUBSCRIPTION albums CONNECTION '{source}' PUBLICATION albums WITH (create_slot = false)",
        )
        try:
            yield source, replica
        finally:
            run(
                replica,
                "ALTER SUBSCRIPTION albums DISABLE; ALTER SUBSCRIPTION albums SET (slot_name = NONE); "
                "DROP SUBSCRIPTION albums",
            )


def test_changes_applied_by_a_subscription_make_a_new_version(subscribed: tuple[str, str]) -> None:
    source, replica = subscribed
    seen_versions = {fetch_text(replica, "SELECT catalog_version()")}
    artists = "SELECT coalesce(string_agg(artist, ',' ORDER BY id), '') FROM album_covers"
    eventually(lambda: fetch_text(replica, artists) == "Old")
    seen_versions.add(fetch_text(replica, "SELECT catalog_version()"))

    for statement, then in (
        ("UPDATE album_covers SET artist = 'New'", "New"),
        ("INSERT INTO album_covers (id, artist) VALUES ('second', 'Second')", "New,Second"),
        ("DELETE FROM album_covers WHERE id = 'second'", "New"),
        ("TRUNCATE album_covers", ""),
    ):
        run(source, statement)
        eventually(lambda then=then: fetch_text(replica, artists) == then)  # type: ignore[misc]
        seen_versions.add(fetch_text(replica, "SELECT catalog_version()"))

    assert None not in seen_versions
    # Two versions may be equal, because the replica may receive the album before the first read.
    assert len(seen_versions) >= 5


def test_a_subscription_to_all_tables_goes_on_after_every_kind_of_change(tmp_path: Path) -> None:
    state = (
        "SELECT json_build_array("
        "coalesce((SELECT json_agg(a.artist ORDER BY a.id) FROM album_covers a), '[]'), "
        "coalesce((SELECT json_agg(n ORDER BY n.id) FROM album_names n), '[]'), "
        "coalesce((SELECT json_agg(p.album_id ORDER BY 1) FROM cover_prints p), '[]'), "
        "coalesce((SELECT json_agg(t.cover_key ORDER BY 1) FROM cover_thumbnails t), '[]'))::text"
    )
    # The schema of the subscriber has created rows of these tables, which would conflict with copied rows.
    prepare = "TRUNCATE catalog_model; TRUNCATE catalog_migrations"
    with replicated(tmp_path, tables="FOR ALL TABLES", prepare=prepare) as (source, replica):
        for statement in (
            "SELECT 1",
            "INSERT INTO album_covers (id, artist) VALUES ('second', 'Second'), ('third', 'Third')",
            "UPDATE album_covers SET artist = 'New'",
            "UPDATE album_covers SET id = 'fourth' WHERE id = 'third'",
            "INSERT INTO cover_thumbnails (cover_key, px_256, px_512) VALUES ('a', 'b', 'c')",
            "INSERT INTO cover_prints VALUES ('second', 'a', 1, 448, '', '', repeat('01', 128)::bit(256))",
            "DELETE FROM album_covers WHERE id = 'second'",
            "UPDATE album_names SET artist_key = artist_key",
            "TRUNCATE album_covers",
            "INSERT INTO album_covers (id, artist) VALUES ('last', 'Last')",
        ):
            run(source, statement)
            expected = fetch_text(source, state)
            eventually(lambda expected=expected: fetch_text(replica, state) == expected)  # type: ignore[misc]
        version = fetch_text(replica, "SELECT catalog_version()")

    assert version is not None


def fetch_text(url: str, query: str) -> str | None:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]
