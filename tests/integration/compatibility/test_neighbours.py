"""Gateway and worker of the last release work with the current worker, gateway and SQL schema."""

import io
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from PIL import Image

from common.redis import keyspace
from common.redis.clients import open_redis
from local.gateway_and_worker import Service, gateway_answers, worker_is_ready
from local.servers.redis import RedisServer
from local.servers.server import free_port
from tests.integration.compatibility.release import Release, releases
from tests.paths import ROOT
from tests.polling import eventually

ALBUMS = 40
#: The parameters that the last release does not know, and a check of a result for each.
LATER: Mapping[str, tuple[object, Callable[[dict[str, Any]], bool]]] = {
    "offset": (1, lambda result: result["requested"] == 3),
    "min_similarity": (-1, lambda result: len(result["results"]) == 3),
    "artist": ("an artist", lambda result: len(result["results"]) == 3),
    "meta.label": ("4AD", lambda result: result["results"] == []),
    "include": ("metadata", lambda result: all("metadata" in album for album in result["results"])),
    "color": ("#d7262d", lambda result: result["albums_without_palette"] == ALBUMS),
    "explain": ("true", lambda result: all(album["explain"]["parts"] for album in result["results"])),
    "facets": ("true", lambda result: result["facets"]["total_albums"] == ALBUMS),
}
#: Longer than the time after which the sweepers send a lost message again.
UNTIL_SWEPT_S = 5.0
START_S = 60.0
LAST = releases()[-1:]

pytestmark = pytest.mark.parametrize("release", LAST, ids=lambda release: release.version, indirect=True)


@pytest.fixture(scope="module")
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of the last release."""
    last: Release = request.param
    last.require()
    return last.unpack(tmp_path_factory.mktemp("release"))


@pytest.fixture
def database(release: Path, bare_database_url: str) -> str:
    """The URL of a catalog that the release's tools created and the current tools migrated."""
    run_in(release, "catalog", "migrate", DATABASE_URL=bare_database_url)
    rng = np.random.default_rng(7)
    with psycopg.connect(bare_database_url) as connection:
        for number in range(ALBUMS):
            vector = rng.standard_normal(512)
            written = "[" + ",".join(f"{value:.6f}" for value in vector / np.linalg.norm(vector)) + "]"
            connection.execute(
                "INSERT INTO album_covers (id, artist, album_name, genre, release_year, embedding) "
                "VALUES (%s, 'An artist', %s, 'Rock', 1999, %s)",
                (f"album-{number}", f"Album {number}", written),
            )
    run_in(ROOT, "catalog", "migrate", DATABASE_URL=bare_database_url)
    return bare_database_url


class Fleet:
    """Gateways and workers from folders of code, with one Redis and one catalog."""

    def __init__(self, stack: ExitStack, *, environ: Mapping[str, str], folder: Path) -> None:
        self._stack = stack
        self._environ = environ
        self._folder = folder

    def gateway(self, code: Path) -> httpx.Client:
        """Start a gateway; return a client of the gateway."""
        url = f"http://127.0.0.1:{free_port()}"
        environ = {**self._environ, "PORT": url.rpartition(":")[2]}
        self._start(service("api", code, environ, lambda _: gateway_answers(url), self._folder))
        return self._stack.enter_context(httpx.Client(base_url=url, timeout=60))

    def worker(self, code: Path) -> Service:
        """Start a worker, and wait until it is ready."""
        redis_url = self._environ["REDIS_URL"]
        return self._start(
            service("worker", code, self._environ, lambda pid: worker_is_ready(redis_url, pid), self._folder)
        )

    def _start(self, one: Service) -> Service:
        one.start()
        self._stack.callback(one.stop)
        return one


@pytest.fixture
def fleet(redis_server: RedisServer, database: str, tmp_path: Path) -> Iterator[Fleet]:
    with open_redis(redis_server.url) as client:
        client.flushall()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": database,
        "ENCODER": "fixed",
        "LEASE_S": "1",
        # Longer than the start of two workers on a busy machine.
        "JOB_DEADLINE_S": "120",
    }
    with ExitStack() as stack:
        yield Fleet(stack, environ=environ, folder=tmp_path)


def service(
    module: str, code: Path, environ: Mapping[str, str], ready: Callable[[int], bool], folder: Path
) -> Service:
    # The command changes to the folder of code, because Python imports first from the working directory.
    change = f"import os, sys; os.chdir({str(code)!r})"
    become = f"os.execv(sys.executable, [sys.executable, '-m', {module!r}])"
    return Service(
        module,
        folder=folder / f"{module}-{code.name}",
        command=[sys.executable, "-c", f"{change}; {become}"],
        env=environ,
        ready=ready,
        timeout_s=START_S,
    )


def run_in(code: Path, *arguments: str, **environ: str) -> None:
    given = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=code, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def cover(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(file, "PNG")
    return file.getvalue()


def later_searches(client: httpx.Client, name: str, words: str, **headers: str) -> list[httpx.Response]:
    """Send a search with a parameter that the last release does not know to each endpoint."""
    value, _ = LATER[name]
    parameters = {name: str(value), "k": "3"}
    # A JSON body has lists and truth values where a query string has repeated names and words.
    in_json = [value] if name in {"artist", "include"} else value == "true" or value
    parts = [{"text": words}, {"album_id": "album-3", "weight": -0.5}]
    return [
        client.get("/api/search-by-text", params={"query": words, **parameters}, headers=headers),
        client.post("/api/search-by-image", params=parameters, files={"file": cover(words)}, headers=headers),
        client.post("/api/search", json={"parts": parts, "k": 3, name: in_json}, headers=headers),
        client.get(f"/api/albums/album-{len(words)}/similar", params=parameters, headers=headers),
    ]


def not_accepted(client: httpx.Client) -> httpx.Response | None:
    """Return the refusal of a new search, or None if the search is still accepted."""
    answer = client.get(
        "/api/search-by-text",
        params={"query": secrets.token_hex(4), "offset": 1},
        headers={"Prefer": "respond-async"},
    )
    return None if answer.is_success else answer


def assert_everything_works(client: httpx.Client) -> None:
    """Send and check the requests of typical clients: waiting, polling, uploading, filtering, canceling."""
    by_text = client.get("/api/search-by-text", params={"query": "teal", "k": 3, "genre": "rock"})
    by_image = client.post("/api/search-by-image?k=3", files={"file": cover("teal")})
    parts = {"parts": [{"text": "teal"}, {"album_id": "album-3", "weight": -0.5}], "k": 3}
    composed = client.post("/api/search", json=parts)
    similar = client.get("/api/albums/album-3/similar", params={"k": 3})
    accepted = client.get(
        "/api/search-by-text", params={"query": "polled"}, headers={"Prefer": "respond-async"}
    )
    job = client.get(accepted.headers["Location"], params={"wait": 30}).json()
    again = client.get("/api/search-by-text", params={"query": "teal", "k": 3, "genre": "rock"})
    health = client.get("/health").json()

    for answer in (by_text, by_image, composed, similar, again):
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["results"]) == 3
    assert (accepted.status_code, job["status"]) == (202, "succeeded")
    assert again.headers["X-Cache"] == "hit"
    assert health["status"] == "healthy"


def assert_refused(answer: httpx.Response) -> None:
    """Check that a search was refused, without a job, because all workers are of an earlier release."""
    assert (answer.status_code, answer.json()["code"]) == (503, "no_worker"), answer.text
    assert "earlier release" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Location" not in answer.headers


def test_the_current_gateway_works_with_a_released_worker(release: Path, fleet: Fleet) -> None:
    client = fleet.gateway(ROOT)
    fleet.worker(release)

    assert_everything_works(client)


def test_the_current_worker_works_with_a_released_gateway(release: Path, fleet: Fleet) -> None:
    client = fleet.gateway(release)
    fleet.worker(ROOT)

    assert_everything_works(client)


def test_a_released_gateway_and_worker_work_on_the_migrated_database(release: Path, fleet: Fleet) -> None:
    client = fleet.gateway(release)
    fleet.worker(release)

    assert_everything_works(client)


def test_a_search_that_a_released_worker_cannot_read_is_refused(
    release: Path, fleet: Fleet, redis_server: RedisServer
) -> None:
    client = fleet.gateway(ROOT)
    fleet.worker(release)

    answers = [answer for name in LATER for answer in later_searches(client, name, "teal")]
    polled = later_searches(client, "explain", "teal", Prefer="respond-async")

    assert len(answers) == 4 * len(LATER)
    for answer in (*answers, *polled):
        assert_refused(answer)
    with open_redis(redis_server.url) as redis:
        assert list(redis.scan_iter(f"{keyspace.JOB}*")) == []


@pytest.mark.parametrize("first", ["released", "current"])
def test_released_and_current_workers_answer_all_searches_side_by_side(
    first: str, release: Path, fleet: Fleet
) -> None:
    client = fleet.gateway(ROOT)
    for code in (release, ROOT) if first == "released" else (ROOT, release):
        fleet.worker(code)

    assert_everything_works(client)
    # A released worker would take some of these searches if it could.
    for words in ("red", "green", "blue"):
        for name, (_, is_right) in LATER.items():
            for answer in later_searches(client, name, words):
                assert answer.status_code == 200, answer.text
                assert is_right(answer.json()), (name, answer.text)


def test_searches_without_new_parameters_are_shared_by_released_and_current_workers(
    release: Path, fleet: Fleet
) -> None:
    released, current = fleet.gateway(release), fleet.gateway(ROOT)
    fleet.worker(release)
    fleet.worker(ROOT)

    assert_everything_works(released)
    assert_everything_works(current)


def test_a_cached_result_is_returned_although_only_a_released_worker_is_left(
    release: Path, fleet: Fleet
) -> None:
    client = fleet.gateway(ROOT)
    current = fleet.worker(ROOT)
    parameters = {"query": "teal", "explain": "true"}
    computed = client.get("/api/search-by-text", params=parameters)
    fleet.worker(release)
    current.stop()

    refused = eventually(lambda: not_accepted(client))
    repeated = client.get("/api/search-by-text", params=parameters)

    assert_refused(refused)
    assert (computed.status_code, repeated.status_code) == (200, 200)
    assert repeated.headers["X-Cache"] == "hit"
    assert repeated.json()["results"] == computed.json()["results"]


def test_a_released_worker_leaves_waiting_jobs_to_a_current_worker(release: Path, fleet: Fleet) -> None:
    client = fleet.gateway(ROOT)
    accepted = [
        answer
        for name in ("explain", "offset")
        for answer in later_searches(client, name, "teal", Prefer="respond-async")
    ]
    paths = [answer.headers["Location"] for answer in accepted]
    fleet.worker(release)
    # The released worker sweeps once a second, and sends messages again that its queue does not contain.
    until = time.monotonic() + UNTIL_SWEPT_S
    while time.monotonic() < until:
        client.get(paths[0], params={"wait": 1})
        assert {client.get(path).json()["status"] for path in paths} == {"queued"}

    fleet.worker(ROOT)
    jobs = [client.get(path, params={"wait": 30}).json() for path in paths]

    assert [job["status"] for job in jobs] == ["succeeded"] * len(paths)
