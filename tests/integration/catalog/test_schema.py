"""The schema can be applied twice, to older catalogs and without superuser rights, and denies other roles."""

import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import httpx
import numpy as np
import psycopg
import pytest
from psycopg import sql
from supabase import ClientOptions, create_client

from catalog.database.migrations import apply_migrations, migrations
from common.catalog.postgres import PostgresCatalog
from common.catalog.row_mapping import vector_literal
from common.filters import Filters
from local.servers.postgres import PostgresServer
from local.servers.supabase import SupabaseServer
from tests.integration.catalog.known_catalog import KnownAlbums, Row, write

#: SQL that creates a catalog older than this project: a table and a search function.
OLDER_CATALOG = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE album_covers (
  id text PRIMARY KEY, embedding vector(512), artist text, album_name text, genre text,
  release_year integer, pitchfork_score numeric, best_new_music boolean, cover_url text, reviewer text,
  metadata jsonb
);
CREATE INDEX older_hnsw ON album_covers USING hnsw (embedding vector_cosine_ops);
CREATE FUNCTION search_albums(
  query_embedding vector(512), match_count int DEFAULT 10, filter_genre text DEFAULT NULL
) RETURNS TABLE (id text, similarity float) LANGUAGE sql STABLE AS $$
  SELECT a.id, 1 - (a.embedding <=> query_embedding) FROM album_covers a
  WHERE filter_genre IS NULL OR a.genre = filter_genre
  ORDER BY a.embedding <=> query_embedding LIMIT match_count
$$;
"""


def fetch(database_url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def vectors(count: int) -> list[np.ndarray]:
    return list(KnownAlbums(0).covers(count))


def test_each_migration_is_applied_once_and_again_after_a_change(bare_database_url: str) -> None:
    names = [migration.name for migration in migrations()]

    first = apply_migrations(bare_database_url)
    second = apply_migrations(bare_database_url)
    fetch(
        bare_database_url,
        "UPDATE catalog_migrations SET checksum = 'old' WHERE name = %s RETURNING 1",
        names[1],
    )
    third = apply_migrations(bare_database_url)

    assert (first, second, third) == (names, [], names[1:])


def test_a_failed_migration_is_rolled_back(
    bare_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("schema")
    (folder / "001_good.sql").write_text("CREATE TABLE good ()")
    (folder / "002_bad.sql").write_text("CREATE TABLE bad (); SELECT 1 / 0")
    monkeypatch.setattr("catalog.database.migrations.SCHEMA_DIR", folder)

    with pytest.raises(psycopg.errors.DivisionByZero):
        apply_migrations(bare_database_url)

    assert fetch(bare_database_url, "SELECT to_regclass('good'), to_regclass('catalog_migrations')") == [
        (None, None)
    ]


def test_every_migration_can_be_run_twice_by_hand(bare_database_url: str) -> None:
    for migration in [*migrations(), *migrations()]:
        with psycopg.connect(bare_database_url, autocommit=True) as connection:
            connection.execute(migration.sql.encode())

    with closing(PostgresCatalog(bare_database_url, timeout_s=5, connections=1)) as catalog:
        catalog.check()


def test_migrating_an_older_catalog_keeps_albums_and_leaves_one_search_function(
    bare_database_url: str,
) -> None:
    rows = [Row(id=str(i), embedding=vector, genre="Rock") for i, vector in enumerate(vectors(50))]
    with psycopg.connect(bare_database_url) as connection:
        connection.execute(OLDER_CATALOG.encode())
        write(connection, rows)

    apply_migrations(bare_database_url)

    with closing(PostgresCatalog(bare_database_url, timeout_s=5, connections=1)) as catalog:
        catalog.check()
        (match,) = catalog.search(vectors(50)[7], k=1, filters=Filters(genres=("Rock",)))
    functions = fetch(bare_database_url, "SELECT count(*) FROM pg_proc WHERE proname = 'search_albums'")
    outside = fetch(
        bare_database_url,
        "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'album_covers'",
    )
    assert match.album.id == "7"
    assert functions == [(1,)]
    assert outside == [(0,)]


def test_migrating_to_several_genres_does_not_rewrite_rows(
    bare_database_url: str,
) -> None:
    genres = ["Rock", "rock", " Rock", "ÉLECTRO", "électro", "Folk/Country", "", None]
    rows = [Row(id=str(n), embedding=vectors(1)[0], genre=genre) for n, genre in enumerate(genres)]
    apply_migrations(bare_database_url)
    make_older(bare_database_url, rows)
    places = "SELECT id, ctid::text FROM album_covers"
    before = {row[0]: row[1] for row in fetch(bare_database_url, places)}

    apply_migrations(bare_database_url)

    after = {row[0]: row[1] for row in fetch(bare_database_url, places)}
    with closing(PostgresCatalog(bare_database_url, timeout_s=5, connections=1)) as catalog:

        def found(genre: str) -> list[str]:
            return [m.album.id for m in catalog.search(vectors(1)[0], k=9, filters=Filters(genres=(genre,)))]

        assert [found(name) for name in ("ROCK", "Électro", "folk/country")] == [
            ["0", "1", "2"],
            ["3", "4"],
            ["5"],
        ]
        assert catalog.genres() == ["Folk/Country", "Rock", "ÉLECTRO"]
        assert [catalog.album(str(n)).genres for n in (0, 5, 7)] == [("Rock",), ("Folk/Country",), ()]
    # The migration rewrites only rows whose genre key differs from lower(genre).
    assert {album_id for album_id in after if after[album_id] != before[album_id]} == {"2", "3"}
    expected = fetch(
        bare_database_url, """SELECT passing FROM estimated_albums(read_filters('{"genre": ["rock"]}'))"""
    )
    assert expected == [(3,)]


def test_the_genres_of_a_migrated_album_are_filled_on_its_next_update(bare_database_url: str) -> None:
    apply_migrations(bare_database_url)
    make_older(bare_database_url, [Row(id="a", embedding=vectors(1)[0], genre="Rock")])
    apply_migrations(bare_database_url)
    genres = "SELECT genre, genres FROM album_covers"
    first = fetch(bare_database_url, genres)

    fetch(bare_database_url, "UPDATE album_covers SET genre = genre RETURNING 1")
    second = fetch(bare_database_url, genres)
    fetch(bare_database_url, "UPDATE album_covers SET genres = '{Jazz,Rock}' RETURNING 1")
    third = fetch(bare_database_url, genres)

    assert (first, second, third) == ([("Rock", None)], [("Rock", ["Rock"])], [("Jazz", ["Jazz", "Rock"])])


def test_a_foreign_column_named_genres_stops_the_migration(bare_database_url: str) -> None:
    with psycopg.connect(bare_database_url) as connection:
        connection.execute(OLDER_CATALOG.encode())
        connection.execute("ALTER TABLE album_covers ADD COLUMN genres jsonb")

    with pytest.raises(psycopg.errors.RaiseException, match="genres of the type jsonb"):
        apply_migrations(bare_database_url)


def make_older(database_url: str, rows: list[Row]) -> None:
    """Downgrade a catalog to the older schema with one genre per album, and write the rows by plain SQL."""
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE album_covers")
        connection.execute("DROP TRIGGER album_covers_genres ON album_covers")
        connection.execute(
            "DROP FUNCTION keep_genres, keep_album_names, genre_key, all_genres, keep_artist_key CASCADE"
        )
        connection.execute(
            "ALTER TABLE album_covers DROP COLUMN genres CASCADE, DROP COLUMN genre_keys CASCADE, "
            "DROP COLUMN artist_key CASCADE"
        )
        connection.execute("DELETE FROM catalog_migrations WHERE name = '001_genres.sql'")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO album_covers (id, embedding, genre) VALUES (%s, %s::vector, %s)",
                [
                    (row.id, vector_literal(row.embedding), row.genre)
                    for row in rows
                    if row.embedding is not None
                ],
            )


def test_older_supabase_clients_with_three_parameters_get_rows(
    supabase_server: SupabaseServer, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        write(connection, [Row(id="585", embedding=vectors(1)[0], genre="Rock", release_year=1973)])
    with httpx.Client() as http:
        client = create_client(
            supabase_server.url, supabase_server.service_key, ClientOptions(httpx_client=http)
        )
        answer = client.rpc(
            "search_albums",
            {"query_embedding": vectors(1)[0].tolist(), "match_count": 5, "filter_genre": "rock"},
        ).execute()

    (row,) = cast("list[dict[str, object]]", answer.data)
    assert row.pop("similarity") == pytest.approx(1.0, abs=1e-6)
    assert row == {
        "id": "585",
        "artist": "An Artist",
        "album_name": "An Album",
        "genre": "Rock",
        "genres": ["Rock"],
        "release_year": 1973,
        "pitchfork_score": None,
        "best_new_music": None,
        "cover_url": None,
        "reviewer": None,
        "metadata": None,
    }


def test_the_arguments_of_an_earlier_worker_mean_the_same_filters(
    known_albums_urls: dict[str, str], known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.covers(1)
    earlier = (
        "filter_genres => '{Rock,Jazz}', filter_genre => 'Rap', year_min => 1980, year_max => 2005, "
        "min_score => 2.5, best_new_music_only => true, exclude_ids => '{album-0}'"
    )
    filters = Filters(("Rock", "Jazz", "Rap"), 1980, 2005, 2.5, best_new_music=True)

    for url in known_albums_urls.values():
        with closing(PostgresCatalog(url, timeout_s=5, connections=1)) as catalog:
            now = catalog.search(query, k=20, filters=filters, exclude_ids=["album-0"])
        ((document,),) = fetch(
            url, f"SELECT versioned_search(%s::vector, 20, {earlier})", vector_literal(query)
        )

        assert [album["id"] for album in cast("dict[str, Any]", document)["albums"]] == [
            match.album.id for match in now
        ]
        assert len(now) == 20


def test_the_schema_needs_no_superuser_and_accepts_pgvector_in_another_schema(
    postgres_server: PostgresServer, bare_database_url: str
) -> None:
    name = bare_database_url.rpartition("/")[2]
    owner = f"owner_{uuid.uuid4().hex}"
    with psycopg.connect(bare_database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA extensions")
        connection.execute("CREATE EXTENSION vector SCHEMA extensions")
        connection.execute(
            sql.SQL(
                "CREATE ROLE {0} LOGIN PASSWORD 'owner'; GRANT ALL ON SCHEMA public TO {0}; "
                "GRANT USAGE ON SCHEMA extensions TO {0}"
            ).format(sql.Identifier(owner))
        )
    url = postgres_server.url(name, user=owner, password="owner")

    apply_migrations(url)

    with psycopg.connect(url) as connection:
        connection.execute("SET search_path = public, extensions")
        write(connection, [Row(id="a", embedding=vectors(1)[0])])
    with closing(PostgresCatalog(url, timeout_s=5, connections=1)) as catalog:
        catalog.check()
        matches = catalog.search(vectors(1)[0], k=3, filters=Filters())
    assert [match.album.id for match in matches] == ["a"]


def test_other_roles_can_neither_read_nor_call(database_url: str) -> None:
    functions = fetch(
        database_url,
        "SELECT p.oid::regprocedure::text FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND "
        "d.deptype = 'e' WHERE pronamespace = 'public'::regnamespace AND d.objid IS NULL",
    )
    tables = [
        str(name)
        for (name,) in fetch(
            database_url,
            "SELECT c.oid::regclass::text FROM pg_class c "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')",
        )
    ]

    allowed = [
        (role, name)
        for role in ("anon", "authenticated")
        for (name,) in functions
        if fetch(database_url, "SELECT has_function_privilege(%s, %s, 'EXECUTE')", role, name) == [(True,)]
    ]
    readable = [
        (role, name)
        for role in ("anon", "authenticated")
        for name in tables
        if fetch(
            database_url,
            "SELECT has_table_privilege(%s, %s, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')",
            role,
            name,
        )
        == [(True,)]
    ]

    assert len(functions) >= 10
    of_covers = {"cover_prints", "cover_thumbnails"}
    assert {"album_covers", "album_names", "catalog_changes"} | of_covers <= set(tables)
    assert allowed == []
    assert readable == []


def test_a_reader_role_can_call_but_not_read_or_write(
    postgres_server: PostgresServer, bare_database_url: str
) -> None:
    login = f"login_{uuid.uuid4().hex}"
    with psycopg.connect(bare_database_url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE catalog_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'login' IN ROLE catalog_reader").format(
                sql.Identifier(login)
            )
        )
    apply_migrations(bare_database_url)
    url = postgres_server.url(bare_database_url.rpartition("/")[2], user=login, password="login")

    with closing(PostgresCatalog(url, timeout_s=5, connections=1)) as catalog:
        catalog.check()
        catalog.search(vectors(1)[0], k=3, filters=Filters())

    for forbidden in (
        "SELECT 1 FROM album_covers",
        "DELETE FROM album_covers",
        "SELECT stamp_catalog('a', 'b')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fetch(url, forbidden)


def test_a_zero_vector_is_refused_by_the_table_and_by_the_search(
    database_url: str, execute: Callable[[str], None]
) -> None:
    zero = vector_literal(np.ones(512, dtype=np.float32)).replace("1.0", "0")

    with pytest.raises(psycopg.errors.CheckViolation):
        execute(f"INSERT INTO album_covers (id, embedding) VALUES ('zero', '{zero}')")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        fetch(database_url, "SELECT * FROM search_albums(%s)", zero)


@pytest.mark.parametrize("offset", [-1, 1001, 992])
def test_a_page_outside_the_first_1001_albums_is_refused(database_url: str, offset: int) -> None:
    one = vector_literal(np.ones(512, dtype=np.float32))

    with pytest.raises(psycopg.errors.InvalidParameterValue):
        fetch(database_url, "SELECT * FROM search_albums(%s, 10, page_offset => %s)", one, offset)


@pytest.mark.parametrize("count", [0, -1, 1001, None])
def test_a_count_out_of_range_is_refused(database_url: str, count: int | None) -> None:
    one = vector_literal(np.ones(512, dtype=np.float32))

    with pytest.raises(psycopg.errors.InvalidParameterValue):
        fetch(database_url, "SELECT * FROM search_albums(%s, %s)", one, count)


def test_exact_and_index_search_use_the_expected_plans(
    known_albums_urls: dict[str, str], known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.covers(1)
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'album_covers_embedding_hnsw'"
    used = {}

    for way, url in known_albums_urls.items():
        with psycopg.connect(url, autocommit=True) as connection:
            before = connection.execute(scans).fetchone()
            connection.execute("SELECT * FROM search_albums(%s)", [vector_literal(query)])
            # Without this request, PostgreSQL would flush the statistics of a session only when the session
            # ends.
            connection.execute("SELECT pg_stat_force_next_flush()")
            connection.execute("SELECT pg_stat_clear_snapshot()")
            used[way] = (before, connection.execute(scans).fetchone())

    assert used["exact"][0] == used["exact"][1]
    assert used["walk"][0] != used["walk"][1]
