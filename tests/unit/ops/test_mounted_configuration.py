"""The files that containers are given: Redis and nginx take them, and they say what they must."""

import subprocess
import time
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from common.redis.clients import open_redis
from local.servers.redis import find_redis
from local.servers.server import free_port
from tests.unit.ops.docker_files import DOCKER, tool

pytestmark = pytest.mark.starts_processes

START_S = 20.0


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("ledger.conf", {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}),
        ("cache.conf", {"appendonly": "no", "save": "", "maxmemory-policy": "allkeys-lru"}),
    ],
)
def test_redis_runs_with_its_file_and_keeps_or_evicts_as_it_must(
    file: str, expected: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    # As in the container: the password goes in by standard input.
    server = subprocess.Popen(
        [str(find_redis()), str(DOCKER / "redis" / file), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    with server, open_redis(f"redis://:secret@127.0.0.1:{port}/0") as redis:
        try:
            assert server.stdin is not None
            server.stdin.write(f"requirepass secret\nport {port}\nbind 127.0.0.1\n".encode())
            server.stdin.close()
            wait_for_answer(redis, server)

            configured = {name: redis.config_get(name)[name] for name in [*expected, "maxmemory"]}
        finally:
            server.terminate()

    assert configured.items() >= expected.items()
    assert int(configured["maxmemory"]) > 0


def test_nginx_knows_every_directive_where_it_stands() -> None:
    file = DOCKER / "nginx.conf"

    done = subprocess.run(
        [tool("crossplane"), "parse", "--strict", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert '"status":"ok"' in done.stdout


def wait_for_answer(redis: Redis, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert server.poll() is None, "redis-server ended"
        try:
            redis.ping()
        except RedisError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return
