"""With concurrent writers and readers, one version never identifies two different contents."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

WRITERS, READERS = 4, 3
TRANSACTIONS = 120
ALBUMS = 12

STATEMENTS = (
    "UPDATE album_covers SET artist = %(word)s WHERE id = %(id)s",
    "DELETE FROM album_covers WHERE id = %(id)s",
    (
        "INSERT INTO album_covers (id, artist) VALUES (%(id)s, %(word)s) "
        "ON CONFLICT (id) DO UPDATE SET artist = excluded.artist"
    ),
    "UPDATE album_covers SET genre = %(word)s WHERE id > %(id)s",
)
#: Statements that the test runs rarely, because each statement locks the whole table.
RARE = (
    "TRUNCATE album_covers",
    (
        "ALTER TABLE album_covers DISABLE TRIGGER album_covers_changed; "
        "UPDATE album_covers SET artist = 'off'; "
        "ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed"
    ),
    "ALTER TABLE album_covers ALTER reviewer TYPE text USING upper(genre)",
)
#: Errors after which a writer retries; row locks can cause them at any isolation level.
REFUSALS = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)

#: Reads version and content in one statement, whose snapshot is taken after the table lock.
LOOK = "SELECT catalog_version(), md5(coalesce(string_agg(a::text, ' ' ORDER BY id), '')) FROM album_covers a"


def test_a_version_never_identifies_two_contents(database_url: str) -> None:
    over = threading.Event()
    with ThreadPoolExecutor(WRITERS + READERS) as threads:
        readers = [threads.submit(_read, database_url, over) for _ in range(READERS)]
        writers = [threads.submit(_write, database_url, seed) for seed in range(WRITERS)]
        try:
            written = sum(writer.result() for writer in writers)
        finally:
            over.set()
        seen = set.union(*(reader.result() for reader in readers))

    versions = [version for version, _ in seen if version is not None]
    assert len(versions) == len(set(versions))
    assert len(versions) > TRANSACTIONS / 4
    assert written > TRANSACTIONS


def _write(url: str, seed: int) -> int:
    """Run transactions of every kind, and commit or roll back each one; return the number of commits."""
    draw, committed = random.Random(seed), 0
    levels = [psycopg.IsolationLevel.READ_COMMITTED] * 3 + [psycopg.IsolationLevel.REPEATABLE_READ]
    with psycopg.connect(url) as connection:
        for _ in range(TRANSACTIONS):
            connection.set_isolation_level(draw.choice(levels))
            try:
                _change(connection, draw)
                if draw.random() < 0.8:
                    connection.commit()
                    committed += 1
                else:
                    connection.rollback()
            except REFUSALS:
                connection.rollback()
    return committed


def _change(connection: psycopg.Connection, draw: random.Random) -> None:
    if draw.random() < 0.05:
        for statement in draw.choice(RARE).split("; "):
            connection.execute(statement.encode())
        return
    for _ in range(draw.randint(1, 3)):
        values = {"id": str(draw.randrange(ALBUMS)), "word": str(draw.randrange(10**9))}
        if draw.random() < 0.3:
            connection.execute("SAVEPOINT s")
            connection.execute(draw.choice(STATEMENTS).encode(), values)
            connection.execute(draw.choice(["ROLLBACK TO s", "RELEASE s"]).encode())
        connection.execute(draw.choice(STATEMENTS).encode(), values)


def _read(url: str, over: threading.Event) -> set[tuple[str | None, str]]:
    seen: set[tuple[str | None, str]] = set()
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.is_set():
            row = connection.execute(LOOK).fetchone()
            assert row is not None
            seen.add((row[0], row[1]))
    return seen
