"""Redis and nginx accept the configuration files that are mounted into their containers."""

import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from common.redis.clients import open_redis
from local.servers.redis import find_redis
from local.servers.server import free_port
from tests.polling import eventually
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
def test_redis_starts_with_its_file_and_has_the_right_eviction_policy(
    file: str, expected: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    # Redis reads its password from standard input, as in the container.
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


def test_nginx_accepts_every_directive() -> None:
    file = DOCKER / "nginx.conf"

    done = subprocess.run(
        [tool("crossplane"), "parse", "--strict", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert '"status":"ok"' in done.stdout


def wait_for_answer(redis: Redis, server: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert server.poll() is None, "redis-server ended"
        try:
            return bool(redis.ping())
        except RedisError:
            return False

    eventually(answers, within_s=START_S)
