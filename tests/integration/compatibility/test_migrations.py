"""A database of any release migrates to this version, and keeps its albums."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from catalog.database.migrations import apply_migrations
from tests.integration.compatibility.release import Release, releases

INSERT = """
INSERT INTO album_covers (id, artist, album_name, genre, release_year, embedding)
SELECT n::text, 'An artist', 'Album ' || n, 'Rock', 1990 + n, array_agg(random())::vector
FROM generate_series(1, 20) n, generate_series(1, 512) GROUP BY n
"""
ALBUMS = "SELECT id, artist, album_name, genre, release_year, embedding::text FROM album_covers ORDER BY id"
SEARCH = "SELECT count(*) FROM album_covers a, search_albums(a.embedding, 5) WHERE a.id = '1'"


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_migrating_a_released_database_keeps_its_albums(
    release: Release, bare_database_url: str, tmp_path: Path
) -> None:
    release.require()
    subprocess.run(
        [sys.executable, "-m", "catalog", "migrate"],
        cwd=release.unpack(tmp_path),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": bare_database_url},
        check=True,
    )
    with psycopg.connect(bare_database_url) as connection:
        connection.execute(INSERT)
        before = connection.execute(ALBUMS).fetchall()

    apply_migrations(bare_database_url)

    with psycopg.connect(bare_database_url) as connection:
        after = connection.execute(ALBUMS).fetchall()
        found = connection.execute(SEARCH).fetchone()
    assert after == before
    assert found == (5,)
