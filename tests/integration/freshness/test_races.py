"""With concurrent changes and searches, an answer is never older than the version its gateway has seen."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psycopg

from common.redis import keyspace
from tests.integration.freshness.conftest import MARKER, ServiceUnderTest

ROUNDS = 40
CLIENTS = 4
#: There are only a few different requests, so that clients often share runs and cached answers.
PATHS = (
    "/api/search-by-text?query=red&k=50",
    "/api/search-by-text?query=blue&k=50",
    "/api/albums/1/similar?k=50",
    "/api/albums/marker",
)
PARTS = {"parts": [{"album_id": "1"}, {"text": "red"}], "k": 50}
SET = "UPDATE album_covers SET artist = '{n}' WHERE id = 'marker'"

#: Each change sets the artist of one album to `n`; "; " separates the SQL statements of a change.
WRITES = (
    SET,
    "BEGIN; SAVEPOINT s; UPDATE album_covers SET artist = 'gone'; ROLLBACK TO s; " + SET + "; COMMIT",
    "UPDATE album_covers SET genre = 'Rock' WHERE id = '2'; " + SET,
    "BEGIN; CREATE TEMP TABLE kept ON COMMIT DROP AS TABLE album_covers; TRUNCATE album_covers; "
    "INSERT INTO album_covers SELECT * FROM kept; " + SET + "; COMMIT",
    "SET session_replication_role = replica; " + SET,
    "BEGIN; ALTER TABLE album_covers DISABLE TRIGGER album_covers_changed; " + SET + "; "
    "ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed; COMMIT",
    "BEGIN ISOLATION LEVEL SERIALIZABLE; " + SET + "; COMMIT",
)


class Known:
    """The number of the newest change that the gateway has certainly seen, and a flag that ends the test."""

    def __init__(self) -> None:
        self.n = 0
        self.over = threading.Event()


def test_no_answer_is_older_than_the_version_the_gateway_has_seen(service: ServiceUnderTest) -> None:
    draw, known = random.Random(5), Known()
    with ThreadPoolExecutor(CLIENTS + 1) as threads, ExitStack() as stack:
        stack.callback(known.over.set)
        asking = [threads.submit(_ask_on, service, known, seed) for seed in range(CLIENTS)]
        disturbing = threads.submit(_disturb, service, known)
        for n in range(1, ROUNDS + 1):
            service.run(draw.choice(WRITES).format(n=n))
            if draw.random() < 0.5:
                # In half of the rounds an event announces the change; otherwise the gateway's own check finds
                # it.
                service.redis.publish(keyspace.CATALOG_EVENTS, b"look")
            service.until_seen(hurry=draw.random() < 0.8)
            known.n = n
            for ask in _questions(service):
                assert _shown(ask({})) == n
        known.over.set()
        answers = sum(client.result() for client in asking)
        disturbing.result()

    assert answers > ROUNDS


def _questions(service: ServiceUnderTest) -> list[Callable[[dict[str, str]], httpx.Response]]:
    def get(path: str) -> Callable[[dict[str, str]], httpx.Response]:
        return lambda headers: service.client.get(path, headers=headers)

    return [*map(get, PATHS), lambda headers: service.client.post("/api/search", json=PARTS, headers=headers)]


def _ask_on(service: ServiceUnderTest, known: Known, seed: int) -> int:
    """Send searches until stopped, sometimes with the last answer's ETag; return the number of answers."""
    draw, answered = random.Random(seed), 0
    questions = _questions(service)
    held: dict[int, tuple[str, int]] = {}
    while not known.over.is_set():
        question = draw.randrange(len(questions))
        tag, shown_before = held.get(question, ("", 0))
        before = known.n
        answer = questions[question]({"If-None-Match": tag} if tag and draw.random() < 0.5 else {})
        shown = shown_before if answer.status_code == httpx.codes.NOT_MODIFIED else _shown(answer)
        assert shown >= before, (question, answer.status_code, answer.headers, shown, before)
        if "etag" in answer.headers:
            held[question] = (answer.headers["etag"], shown)
        answered += 1
    return answered


def _disturb(service: ServiceUnderTest, known: Known) -> None:
    """Keep transactions open while other writers commit, then commit or roll back."""
    draw = random.Random(9)
    with psycopg.connect(service.database_url) as connection:
        while not known.over.is_set():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            try:
                connection.execute("UPDATE album_covers SET genre = 'Jazz' WHERE id = '3'")
                connection.execute("SELECT pg_sleep(%s)", [draw.random() / 5])
            except psycopg.errors.LockNotAvailable:
                connection.rollback()
                continue
            if draw.random() < 0.5:
                connection.commit()
            else:
                connection.rollback()


def _shown(answer: httpx.Response) -> int:
    document = answer.raise_for_status().json()
    albums = {album["id"]: album["artist"] for album in document.get("results", [document])}
    return int(albums[MARKER])
