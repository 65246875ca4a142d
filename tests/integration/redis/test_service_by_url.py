"""Gateway, worker and tools work with a Redis that uses a socket, TLS or a restricted user."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from PIL import Image

from local.gateway_and_worker import gateway_service, worker_service
from local.servers.server import free_port
from tests.integration.redis.server_variants import FORMS, Certificates, RedisFolder

START_S = 60.0
#: Pairs of Redis variants, for REDIS_URL and CACHE_REDIS_URL.
PAIRS = (
    ("socket and password", "TLS, client certificate"),
    ("TLS, client certificate", "socket, database 2"),
    ("user of few rights", "user of few rights"),
)


@pytest.fixture(params=PAIRS, ids=" | ".join)
def environ(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates, database_url: str
) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        urls = [
            FORMS[form](RedisFolder(tmp_path / f"redis-{number}", certificates, stack))
            for number, form in enumerate(request.param)
        ]
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "REDIS_URL": urls[0],
            "CACHE_REDIS_URL": urls[1],
            "DATABASE_URL": database_url,
            "ENCODER": "fixed",
            "PORT": str(free_port()),
            "COLUMNS": "200",
        }


@pytest.fixture
def url(environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Start a gateway and a worker; return the gateway's URL."""
    url = f"http://127.0.0.1:{environ['PORT']}"
    services = [
        gateway_service(tmp_path, environ, url=url, timeout_s=START_S),
        worker_service(tmp_path, environ, timeout_s=START_S),
    ]
    with ExitStack() as stack:
        for service in services:
            stack.callback(service.stop)
            service.start()
        yield url


def run(environ: dict[str, str], *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_service_and_tools_work_with_every_kind_of_redis_url(
    url: str, environ: dict[str, str], tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "1.png")
    (tmp_path / "albums.csv").write_text("id,artist,album_name,cover\n1,A,B,1.png\n")
    ingest = ("ingest", "albums.csv", "--covers", ".", "--distributed")

    first = httpx.get(f"{url}/api/search-by-text", params={"query": "red", "wait": "30"}, timeout=60)
    second = httpx.get(f"{url}/api/search-by-text", params={"query": "red"}, timeout=60)
    healthy = run(environ, "worker.health", folder=tmp_path)
    key = run(environ, "api.keys", "create", "alice", folder=tmp_path)
    ingested = run(environ, "catalog", *ingest, folder=tmp_path)

    assert (first.status_code, first.headers["x-cache"]) == (200, "miss")
    assert (second.status_code, second.headers["x-cache"]) == (200, "hit")
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert key.returncode == 0, key.stderr
    assert ingested.returncode == 0, ingested.stderr
    assert "1 written" in ingested.stderr
