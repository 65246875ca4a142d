"""Gateway and worker of the last release work with the current worker, gateway and SQL schema."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from PIL import Image

from common.redis.clients import open_redis
from local.gateway_and_worker import Service, gateway_answers, worker_is_ready
from local.servers.redis import RedisServer
from local.servers.server import free_port
from tests.integration.compatibility.release import Release, releases
from tests.paths import ROOT

ALBUMS = 40
START_S = 60.0
LAST = releases()[-1:]

pytestmark = pytest.mark.parametrize("release", LAST, ids=lambda release: release.version, indirect=True)

StartStack = Callable[..., str]


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


@pytest.fixture
def start(redis_server: RedisServer, database: str, tmp_path: Path) -> Iterator[StartStack]:
    """Return a function that starts a gateway and a worker from two folders of code."""
    with open_redis(redis_server.url) as client:
        client.flushall()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": database,
        "ENCODER": "fixed",
        "LEASE_S": "1",
    }
    with ExitStack() as stack:

        def start(*, gateway: Path, worker: Path) -> str:
            url = f"http://127.0.0.1:{free_port()}"
            port = url.rpartition(":")[2]
            services = (
                service("api", gateway, environ | {"PORT": port}, lambda _: gateway_answers(url), tmp_path),
                service(
                    "worker", worker, environ, lambda pid: worker_is_ready(redis_server.url, pid), tmp_path
                ),
            )
            for each in services:
                each.start()
                stack.callback(each.stop)
            return url

        yield start


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


def cover() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(file, "PNG")
    return file.getvalue()


def assert_everything_works(url: str) -> None:
    """Send and check the requests of typical clients: waiting, polling, uploading, filtering, canceling."""
    with httpx.Client(base_url=url, timeout=60) as client:
        by_text = client.get("/api/search-by-text", params={"query": "teal", "k": 3, "genre": "rock"})
        by_image = client.post("/api/search-by-image?k=3", files={"file": cover()})
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


def test_the_current_gateway_works_with_a_released_worker(release: Path, start: StartStack) -> None:
    assert_everything_works(start(gateway=ROOT, worker=release))


def test_a_released_worker_explains_its_results_or_refuses_to(release: Path, start: StartStack) -> None:
    url = start(gateway=ROOT, worker=release)
    parts = [{"text": "teal"}, {"album_id": "album-3", "weight": -0.5}]

    with httpx.Client(base_url=url, timeout=60) as client:
        answers = (
            client.get("/api/search-by-text", params={"query": "teal", "explain": "true"}),
            client.post("/api/search-by-image", params={"explain": "true"}, files={"file": cover()}),
            client.post("/api/search", json={"parts": parts, "explain": True}),
            client.get("/api/albums/album-3/similar", params={"explain": "true"}),
        )
        plain = client.get("/api/search-by-text", params={"query": "teal"})

    for answer in answers:
        if answer.is_success:
            assert all(result["explain"]["parts"] for result in answer.json()["results"])
        else:
            assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert plain.status_code == 200


def test_the_current_worker_works_with_a_released_gateway(release: Path, start: StartStack) -> None:
    assert_everything_works(start(gateway=release, worker=ROOT))


def test_a_released_worker_refuses_a_search_with_a_condition_it_does_not_know(
    release: Path, start: StartStack
) -> None:
    url = start(gateway=ROOT, worker=release)
    later: list[dict[str, Any]] = [
        {"offset": 1},
        {"min_similarity": 0.1},
        {"artist": "an artist"},
        {"meta.label": "4AD"},
        {"include": "metadata"},
        {"color": "#d7262d"},
        {"facets": "true"},
    ]

    with httpx.Client(base_url=url, timeout=60) as client:
        answers = [client.get("/api/search-by-text", params={"query": "teal"} | some) for some in later]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(500, "internal")] * len(
        later
    )


def test_a_released_gateway_and_worker_work_on_the_migrated_database(
    release: Path, start: StartStack
) -> None:
    assert_everything_works(start(gateway=release, worker=release))
