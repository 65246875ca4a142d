"""A database of any release migrates to this version, and keeps its albums."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pytest

from catalog.database.migrations import apply_migrations, migrations
from catalog.writer.postgres import PostgresWriter
from common.catalog.postgres import PostgresCatalog
from common.filters import Filters
from common.prints import PRINT_VERSION
from tests.integration.catalog.test_prints import print_of
from tests.integration.compatibility.release import Release, releases

INSERT = """
INSERT INTO album_covers (id, artist, album_name, genre, release_year, embedding)
SELECT n::text, 'An artist', 'Album ' || n, 'Rock', 1990 + n, array_agg(random())::vector
FROM generate_series(1, 20) n, generate_series(1, 512) GROUP BY n
"""
ALBUMS = "SELECT id, artist, album_name, genre, release_year, embedding::text FROM album_covers ORDER BY id"
SEARCH = "SELECT count(*) FROM album_covers a, search_albums(a.embedding, 5) WHERE a.id = '1'"


#: The last commit whose schema has neither the names of albums nor thumbnails.
BEFORE_NAMES = Release("the schema without names", "335d94f1bdcf2b82b28e317c47112bda05a55a0b")
#: Calls of a gateway or worker of that commit.
OLDER_CALLS = (
    "SELECT versioned_search((SELECT embedding FROM album_covers WHERE id = '1'), 5)",
    "SELECT versioned_similar('1', 5)",
    "SELECT versioned_embeddings('{1,2}')",
    "SELECT id, artist, album_name, genre, genres, cover_url FROM albums_by_id('{1}')",
    "SELECT album_genres()",
    "SELECT album_stats()",
    "SELECT catalog_version()",
)


def create_released(release: Release, database_url: str, folder: Path) -> None:
    """Create the schema of a release with 20 albums."""
    subprocess.run(
        [sys.executable, "-m", "catalog", "migrate"],
        cwd=release.unpack(folder),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url},
        check=True,
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(INSERT)


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_migrating_a_released_database_keeps_its_albums(
    release: Release, bare_database_url: str, tmp_path: Path
) -> None:
    release.require()
    create_released(release, bare_database_url, tmp_path)
    with psycopg.connect(bare_database_url) as connection:
        before = connection.execute(ALBUMS).fetchall()

    apply_migrations(bare_database_url)

    with psycopg.connect(bare_database_url) as connection:
        after = connection.execute(ALBUMS).fetchall()
        found = connection.execute(SEARCH).fetchone()
    assert after == before
    assert found == (5,)
    with closing(PostgresWriter(bare_database_url)) as writer:
        covers = writer.covers_without_print(version=PRINT_VERSION, after_id=None, size=2)
        writer.put_prints([(covers[0], print_of(1))], only_present=True)
        assert writer.prints([cover.id for cover in covers]) == {covers[0].id: print_of(1)}
        assert writer.print_counts(version=PRINT_VERSION).missing == len(after) - 1


def test_searches_work_after_every_file_that_is_pasted_by_hand(
    bare_database_url: str, tmp_path: Path
) -> None:
    BEFORE_NAMES.require_commit()
    create_released(BEFORE_NAMES, bare_database_url, tmp_path)
    vector = np.ones(512, dtype=np.float32)
    named = "album 3 by an artist"

    with closing(PostgresCatalog(bare_database_url, timeout_s=10, connections=1)) as catalog:
        for migration in migrations():
            with psycopg.connect(bare_database_url, autocommit=True) as connection:
                connection.execute(migration.sql.encode())
                connection.execute("RESET search_path")
                for call in OLDER_CALLS:
                    assert connection.execute(call.encode()).fetchone() is not None, migration.name

            assert catalog.album("1").album_name == "Album 1", migration.name
            if migration.name < "007":
                # Earlier files lack the parameters of searches that this release passes.
                continue
            assert len(catalog.search(vector, k=5, filters=Filters(), named=named)) == 5, migration.name
            assert len(catalog.search(vector, k=5, filters=Filters())) == 5, migration.name
            assert len(catalog.similar("1", k=5, filters=Filters())) == 5, migration.name
        assert [album.id for album in catalog.search(vector, k=1, filters=Filters(), named=named).named] == [
            "3"
        ]
        catalog.check()
