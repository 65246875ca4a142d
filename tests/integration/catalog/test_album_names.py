"""Albums are found by artist and title, in both implementations."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import numpy as np
import psycopg
import pytest

from catalog.database.migrations import NAMES, apply_migrations, migrations
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import BEFORE_FIRST, Catalog, NamePosition
from common.errors import CatalogUnavailable
from common.filters import Filters
from local.servers.postgres import PostgresServer
from tests.integration.catalog.conftest import IMPLEMENTATIONS, Opened, open_catalog
from tests.polling import eventually

VECTOR = np.ones(512, dtype=np.float32)
ALBUMS = {
    "kid-a": ("Radiohead", "Kid A"),
    "kid-a-mnesia": ("Radiohead", "Kid A Mnesia"),
    "computer": ("Radiohead", "OK Computer"),
    "creep": ("Some Pianist", "Radiohead on the Piano"),
    "cudi": ("Kid Cudi", "A Kid Named Cudi"),
    "zeppelin": ("Led Zeppelin", "Led Zeppelin IV"),
    "homogenic": ("Björk", "Homogenic"),
    "brackets": ("Sigur Rós", "( )"),
    "agaetis": ("Sigur Rós", "Ágætis byrjun"),
    "abbey": ("The Beatles", "Abbey Road"),
    "bookends": ("Simon & Garfunkel", "Bookends"),
    "black": ("AC/DC", "Back in Black"),
    "appetite": ("Guns N\N{RIGHT SINGLE QUOTATION MARK} Roses", "Appetite for Destruction"),
    "abba": ("ABBA", "Arrival"),
    "stand": ("Ben E. King", "Stand by Me"),
    "louden": ("!!!", "Louden Up Now"),
    "star": ("David Bowie", "★"),
    "ringo": ("椎名林檎", "無罪モラトリアム"),
    "kino": ("Кино", "Группа крови"),
    "yolka": ("Ёлка", "Точки расставлены"),
    "fairuz": ("فيروز", "أندلسيات"),
    "sisyphus": ("Βαγγέλης", "Σίσυφος"),
    "hangul": ("아이유", "꽃갈피"),
    "odd": ("Robert'); DROP TABLE album_covers; --", r"50% of \d+ _ [a-z]*"),
    "nameless": (None, None),
}


@pytest.fixture(scope="module")
def named_url(postgres_server: PostgresServer) -> str:
    """A database with the albums above; tests only read it."""
    # pytest may run the tests of this module in several groups, each with a database of its own.
    name = f"names_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE catalog_template".encode())
    url = postgres_server.url(name)
    write(url, ALBUMS)
    return url


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def named(
    request: pytest.FixtureRequest, named_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalog]:
    """The albums above behind each implementation."""
    with ExitStack() as stack:
        yield open_catalog(request.param, named_url, request, tmp_path_factory, stack)


def write(url: str, albums: Mapping[str, tuple[str | None, str | None]]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO album_covers (id, artist, album_name) VALUES (%s, %s, %s)",
            [(album_id, *names) for album_id, names in albums.items()],
        )


def found(catalog: Catalog, query: str, *, limit: int = 20) -> list[str]:
    return [each.album.id for each in catalog.find_albums(query, limit=limit).albums]


def pages(catalog: Catalog, query: str | None, *, limit: int) -> Iterator[str]:
    after: NamePosition | None = BEFORE_FIRST
    while after is not None:
        page = catalog.find_albums(query, limit=limit, after=after)
        yield from (each.album.id for each in page.albums)
        after = page.next


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("kid a", "kid-a"),
        ("KID  A", "kid-a"),
        ("radiohead", "kid-a"),
        ("radioh", "kid-a"),
        ("kid a radiohead", "kid-a"),
        ("radiohead kid a", "kid-a"),
        ("Radiohead - Kid A", "kid-a"),
        ("Kid A by Radiohead", "kid-a"),
        ("radiohead kid mnes", "kid-a-mnesia"),
        ("mnesia kid radiohead", "kid-a-mnesia"),
        ("radiohed", "kid-a"),
        ("radioheda", "kid-a"),
        ("raidohead", "kid-a"),
        ("led zepelin", "zeppelin"),
        ("led zeplin", "zeppelin"),
        ("led zepel", "zeppelin"),
        ("bjork", "homogenic"),
        ("bjrok", "homogenic"),
        ("BJÖRK", "homogenic"),
        ("sigur ros", "brackets"),
        ("sigurros", "brackets"),
        ("agaetis", "agaetis"),
        ("()", "brackets"),
        ("beatles", "abbey"),
        ("the beatles", "abbey"),
        ("beatels", "abbey"),
        ("abey rod", "abbey"),
        ("backk in blakc", "black"),
        ("abbey road by the beatles", "abbey"),
        ("simon and garfunkel", "bookends"),
        ("simon garfunkel bookends", "bookends"),
        ("acdc", "black"),
        ("ac dc", "black"),
        ("guns n roses", "appetite"),
        ("guns n' roses", "appetite"),
        ("stand by me", "stand"),
        ("stand by me by ben e king", "stand"),
        ("!!!", "louden"),
        ("★", "star"),
        ("椎名林檎", "ringo"),
        ("林檎", "ringo"),
        ("無罪", "ringo"),
        ("ГРУППА крови", "kino"),
        ("елка", "yolka"),
        ("фейруз", None),
        ("فيروز", "fairuz"),
        ("اندلسيات", "fairuz"),
        ("σισυφοσ", "sisyphus"),
        ("아이유", "hangul"),
        ("robert drop table", "odd"),
        ("50% of \\d+", "odd"),
        ("abba", "abba"),
        ("aba", "abba"),
        ("abbba", "abba"),
        ("aaaaaaaaaa", None),
        ("%%%%%%", None),
        ("no such name", None),
    ],
)
def test_the_best_match_of_a_query_comes_first(named: Catalog, query: str, best: str | None) -> None:
    albums = found(named, query, limit=3)

    assert albums[:1] == ([] if best is None else [best])


@pytest.mark.parametrize(
    ("query", "albums"),
    [
        ("~", []),
        ("\N{FULLWIDTH TILDE}", []),
        ("~~~", []),
        ("~ ~", []),
        ("!", ["louden"]),
        ("!!", ["louden"]),
        ("!!!", ["louden"]),
        ("\N{FULLWIDTH EXCLAMATION MARK}", ["louden"]),
        ("(", ["brackets"]),
        ("()", ["brackets"]),
        (")", []),
        ("'", []),
        ("\\", []),
        ("-", []),
        ("*", []),
        ("&", []),
        ("★", ["star"]),
        ("☆", []),
        ("\x01", []),
    ],
)
def test_a_query_of_punctuation_finds_only_names_that_begin_with_it(
    named: Catalog, query: str, albums: list[str]
) -> None:
    assert sorted(found(named, query)) == sorted(albums)


def test_better_kinds_of_matches_come_first(writable: Opened) -> None:
    write(
        writable.database_url,
        {
            "1": ("Radiohedd Tribute", "Live"),
            "2": ("Various", "Songs of Radiohed"),
            "3": ("Radiohedonists", "First"),
            "4": ("Radiohed", "Last"),
            "5": ("Someone", "Radiohed"),
            "6": ("Radiohed", "Radiohed"),
        },
    )

    page = writable.catalog.find_albums("radiohed", limit=20)

    assert [(each.album.id, each.match) for each in page.albums] == [
        ("6", "exact"),
        ("5", "exact"),
        ("4", "exact"),
        ("1", "prefix"),
        ("3", "prefix"),
        ("2", "words"),
    ]
    similar = writable.catalog.find_albums("radiohead", limit=20)
    assert {each.match for each in similar.albums} == {"similar"}
    assert [each.album.id for each in similar.albums] == ["4", "6", "5", "2", "3", "1"]


def test_of_similar_names_of_equal_length_the_closest_comes_first(writable: Opened) -> None:
    write(
        writable.database_url,
        {
            "1": ("Bram & the Colony", "Silent Shoreline"),
            "2": ("Silent Colony", "Zenith"),
            "3": ("A Colony", "The Silents"),
            "4": ("Colony Silent", "First"),
        },
    )

    assert found(writable.catalog, "silnt colony")[:1] == ["2"]
    assert list(pages(writable.catalog, "silnt colony", limit=1)) == found(writable.catalog, "silnt colony")


@pytest.mark.parametrize(
    "query", [None, "radiohead", "kid", "a", "radiohed", "sigur ros", "k", "the", "no such"]
)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_neither_repeat_nor_skip_an_album(named: Catalog, query: str | None, limit: int) -> None:
    whole = [each.album.id for each in named.find_albums(query, limit=100).albums]

    assert list(pages(named, query, limit=limit)) == whole
    assert len(set(whole)) == len(whole)
    if query is None:
        assert whole == sorted(ALBUMS)


def test_albums_with_equal_names_are_ordered_by_id(writable: Opened) -> None:
    write(writable.database_url, {f"{n:02}": ("Same", "Name") for n in range(20)})

    for query in ("same name", "name", "same", "sa", "me na", "name s", "smae"):
        whole = found(writable.catalog, query)
        assert whole == sorted(whole)
        assert list(pages(writable.catalog, query, limit=3)) == whole


def test_a_page_tells_every_field_of_an_album(catalog: Catalog) -> None:
    page = catalog.find_albums("agaetis byrjun", limit=1)

    assert page.albums[0].album == catalog.album("ágætis/1?&=#%20")
    assert page.next is None


def test_a_catalog_without_names_has_an_empty_page(writable: Opened) -> None:
    assert writable.catalog.find_albums("radiohead", limit=5).albums == ()
    assert writable.catalog.find_albums(None, limit=5).next is None


@pytest.mark.parametrize(
    "query",
    [
        "%",
        "_",
        "\\",
        "a%",
        "'",
        "''; DROP TABLE album_names; --",
        "' | 'a",
        "a:* & !b",
        "a <-> b",
        ".*",
        "(((((",
        "[a-z]+$",
        "\u202eedoc thgir",
        "\u200d\u200c\ufeff",
        "\ud7ff\ue000\U0010ffff",
        "e\u0301" * 90,
        "\N{COMBINING ACUTE ACCENT}" * 200,
        "\N{MUSICAL SYMBOL G CLEF}" * 200,
        "a" * 10_000,
        "by " * 500,
        "the " * 500,
        "the and " * 500,
        " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500)),
        "ab" * 5000,
        "林" * 1000,
        " ",
        "",
    ],
)
def test_no_query_fails(named: Catalog, query: str) -> None:
    assert len(list(pages(named, query, limit=7))) <= len(ALBUMS)
    assert isinstance(named.search(VECTOR, k=1, filters=Filters(), named=query).named, tuple)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE album_covers SET artist = 'Radiohead' WHERE id = '1'",
        "UPDATE album_covers SET id = '3' WHERE id = '2'; UPDATE album_covers SET id = '2' WHERE id = '1'",
        "UPDATE album_covers SET id = CASE id WHEN '1' THEN '9' WHEN '2' THEN '1' END",
        "DELETE FROM album_covers WHERE id = '1'",
        "TRUNCATE album_covers",
        "TRUNCATE album_covers; INSERT INTO album_covers (id, artist) VALUES ('9', 'Radiohead')",
        """INSERT INTO album_covers (id, artist) VALUES ('1', 'Blur'), ('5', 'Pulp')
        ON CONFLICT (id) DO UPDATE SET artist = excluded.artist""",
        "SET session_replication_role = replica; UPDATE album_covers SET album_name = 'A' WHERE id = '2'",
        "UPDATE album_covers SET artist = NULL, album_name = NULL",
    ],
)
def test_names_are_current_after_every_kind_of_change(
    database_url: str, execute: Callable[[str], None], statement: str
) -> None:
    write(database_url, {"1": ("Oasis", "Definitely Maybe"), "2": ("Radiohead", "Kid A")})

    execute(statement)

    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT id, artist_key, title_key FROM album_names ORDER BY id").fetchall()
        due = connection.execute(
            "SELECT id, name_key(artist), name_key(album_name) FROM album_covers ORDER BY id"
        ).fetchall()
    assert kept == due


def test_a_change_that_is_rolled_back_leaves_the_names(database_url: str) -> None:
    write(database_url, {"1": ("Oasis", "Definitely Maybe")})

    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET artist = 'Blur'")
        connection.rollback()
        kept = connection.execute("SELECT artist_key FROM album_names").fetchall()

    assert kept == [("oasis",)]


def test_albums_of_an_older_schema_get_their_names(database_url: str, execute: Callable[[str], None]) -> None:
    execute(
        "DROP FUNCTION keep_album_names CASCADE; DROP TABLE album_names CASCADE;"
        "DELETE FROM catalog_migrations WHERE name = '006_normalised_album_names.sql'"
    )
    write(database_url, {"1": ("Oasis", "Definitely Maybe")})

    applied = apply_migrations(database_url)

    with closing(PostgresCatalog(database_url, timeout_s=5, connections=1)) as catalog:
        assert found(catalog, "oasis") == ["1"]
    assert applied == [each.name for each in migrations() if each.name >= NAMES]


def test_migrating_again_mends_names_that_triggers_missed(database_url: str) -> None:
    write(database_url, {"1": ("Oasis", "Definitely Maybe"), "2": ("Blur", "Parklife")})
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE album_covers DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM album_covers WHERE id = '1'")
        connection.execute("UPDATE album_covers SET artist = 'Pulp'")
        connection.execute("INSERT INTO album_covers (id, artist) VALUES ('3', 'Suede')")

    apply_migrations(database_url)

    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT id, artist_key FROM album_names ORDER BY id").fetchall()
    assert kept == [("2", "pulp"), ("3", "suede")]


def names_of(database_url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT id, artist_key FROM album_names ORDER BY id").fetchall()


def test_names_are_computed_again_only_if_they_may_be_wrong(
    database_url: str, execute: Callable[[str], None]
) -> None:
    write(database_url, {"1": ("Oasis", "Definitely Maybe"), "2": ("Blur", "Parklife")})
    apply_migrations(database_url)

    execute("UPDATE album_names SET artist_key = 'kept'; DELETE FROM catalog_migrations")
    apply_migrations(database_url)
    unchanged = names_of(database_url)
    execute("COMMENT ON TABLE album_names IS 'complete: by functions of another release'")
    applied = apply_migrations(database_url)

    assert unchanged == [("1", "kept"), ("2", "kept")]
    assert names_of(database_url) == [("1", "oasis"), ("2", "blur")]
    assert applied == []


def test_pages_of_names_are_filled_and_emptied(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.database.migrations.NAMES_PAGE", 3)
    write(database_url, {f"{n:02}": (f"Artist {n}", "Album") for n in range(10)})
    expected = names_of(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("COMMENT ON TABLE album_names IS NULL")
        connection.execute("DELETE FROM album_names WHERE id IN ('00', '02', '03', '09')")
        connection.execute("UPDATE album_names SET artist_key = 'wrong' WHERE id IN ('05', '08')")
        connection.execute(
            "INSERT INTO album_names VALUES ('', 'a', 'b'), ('04 b', 'a', 'b'), ('99', 'a', 'b')"
        )

    apply_migrations(database_url)

    assert names_of(database_url) == expected


def test_searches_answer_while_a_migration_computes_names(
    database_url: str, execute: Callable[[str], None]
) -> None:
    write(database_url, {str(n): ("Oasis", f"Album {n}") for n in range(20)})
    execute(
        "ALTER TABLE album_covers DISABLE TRIGGER ALL; DELETE FROM album_names WHERE id = '7';"
        "DELETE FROM catalog_migrations;"
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;"
        "CREATE TRIGGER wait BEFORE INSERT ON album_names FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"

    with (
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(database_url, autocommit=True) as connection,
        closing(PostgresCatalog(database_url, timeout_s=5, connections=1)) as catalog,
    ):
        connection.execute("SELECT pg_advisory_lock(7)")
        migrating = threads.submit(apply_migrations, database_url)
        try:
            eventually(lambda: connection.execute(waiting).fetchall())
            matches = catalog.search(VECTOR, k=3, filters=Filters(), named="oasis album 3")
            others = found(catalog, "oasis", limit=100)
        finally:
            connection.execute("SELECT pg_advisory_unlock(7)")
        migrating.result()

        assert [album.id for album in matches.named] == ["3"]
        assert len(others) == 19
        assert len(found(catalog, "oasis", limit=100)) == 20


@pytest.mark.parametrize(
    ("text", "albums"),
    [
        ("Kid A", ["kid-a"]),
        ("radiohead kid a", ["kid-a"]),
        ("Kid A by Radiohead", ["kid-a"]),
        ("kid a - radiohead", ["kid-a"]),
        ("STAND BY ME", ["stand"]),
        ("Stand by Me by Ben E. King", ["stand"]),
        ("agaetis byrjun", ["agaetis"]),
        ("abbey road the beatles", ["abbey"]),
        ("radiohead", []),
        ("kid", []),
        ("radiohed kid a", []),
        ("a dark forest with a red moon", []),
    ],
)
def test_a_search_tells_the_albums_with_this_name(named: Catalog, text: str, albums: list[str]) -> None:
    matches = named.search(VECTOR, k=3, filters=Filters(genres=("None",)), named=text)

    assert [album.id for album in matches.named] == albums
    assert matches.version is not None
    assert named.search(VECTOR, k=3, filters=Filters()).named == ()


def test_a_search_tells_at_most_three_albums_with_this_name(writable: Opened) -> None:
    write(writable.database_url, {str(n): (f"Artist {n}", "Greatest Hits") for n in range(5)})

    matches = writable.catalog.search(VECTOR, k=1, filters=Filters(), named="greatest hits")

    assert [album.id for album in matches.named] == ["0", "1", "2"]


def test_a_fault_of_the_names_fails_no_search(writable: Opened, execute: Callable[[str], None]) -> None:
    write(writable.database_url, {"1": ("Radiohead", "Kid A")})
    execute("ALTER TABLE album_names RENAME TO lost_names")

    matches = writable.catalog.search(VECTOR, k=1, filters=Filters(), named="kid a")

    assert matches.named == ()
    assert matches.version is not None


def test_a_transient_fault_of_the_names_is_reported_and_not_an_empty_list(
    writable: Opened, execute: Callable[[str], None]
) -> None:
    write(writable.database_url, {"1": ("Radiohead", "Kid A")})
    execute(
        "CREATE OR REPLACE FUNCTION name_key(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ "
        "BEGIN RAISE 'out of shared memory' USING ERRCODE = '53200'; END $$"
    )

    with pytest.raises(CatalogUnavailable):
        writable.catalog.search(VECTOR, k=1, filters=Filters(), named="kid a")


def test_a_reader_role_finds_albums_but_does_not_read_their_names(
    postgres_server: PostgresServer, bare_database_url: str
) -> None:
    login = f"login_{uuid.uuid4().hex}"
    with psycopg.connect(bare_database_url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE catalog_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'login' IN ROLE catalog_reader".encode())
    apply_migrations(bare_database_url)
    write(bare_database_url, {"1": ("Oasis", "Definitely Maybe")})
    url = postgres_server.url(bare_database_url.rpartition("/")[2], user=login, password="login")

    with closing(PostgresCatalog(url, timeout_s=5, connections=1)) as catalog:
        assert found(catalog, "oasis") == ["1"]
        searched_for = catalog.search(VECTOR, k=1, filters=Filters(), named="definitely maybe")
        assert [album.id for album in searched_for.named] == ["1"]

    for forbidden in (
        "SELECT FROM album_names",
        "SELECT ranked_names('a', 1)",
        "SELECT follow_album_names()",
    ):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(forbidden.encode())


def test_names_are_searched_by_their_indexes(database_url: str) -> None:
    write(database_url, {f"{n:05}": (f"Artist {n}", f"Title of {n}") for n in range(3000)})
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'album_names'"

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE album_names")
        connection.execute("SELECT pg_stat_force_next_flush()")
        before = connection.execute(scans).fetchone()
        for query in ("title", "artist 7", "7 title", "artsit 1234", "of", "zzz"):
            for _ in range(10):
                connection.execute("SELECT find_albums(%s)", [query])
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT pg_stat_clear_snapshot()")
        after = connection.execute(scans).fetchone()

    assert after == before
