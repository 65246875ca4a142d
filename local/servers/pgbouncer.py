"""Runs Debian's PgBouncer in transaction mode, which most hosted PostgreSQL services use.

PgBouncer listens on a free port of 127.0.0.1 and serves all databases of one PostgreSQL server; each
transaction is assigned to one of a few server sessions.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote, unquote, urlsplit

import psycopg

from local.errors import ServerFailed
from local.processes.child_process_folder import write_private
from local.processes.run_as import unprivileged
from local.servers.server import Server

_CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={user} password='{password}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {socket_folder}
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
"""


@dataclass(frozen=True, slots=True)
class PgBouncerConfig:
    """The options: `server_url` names any database of the server; clients log in as `user`."""

    folder: Path
    server_url: str = field(repr=False)
    user: str = "postgres"
    password: str = field(default="pooled", repr=False)
    sessions: int = 4
    start_timeout_s: float = 20.0


class PgBouncerServer(Server):
    """A PgBouncer process that ends when this process ends."""

    def __init__(self, config: PgBouncerConfig) -> None:
        super().__init__(
            "PgBouncer",
            config.folder,
            stop_signal=signal.SIGINT,
            stop_grace_s=10.0,
            start_timeout_s=config.start_timeout_s,
        )
        self._config = config

    def url(self, database: str) -> str:
        """Return the URL of a database through PgBouncer."""
        return self._url_at("127.0.0.1", database)

    def socket_url(self, database: str) -> str:
        """Return the URL of a database through PgBouncer's Unix socket."""
        return self._url_at(quote(gettempdir(), safe=""), database)

    def prepare(self) -> None:
        self.run_as = unprivileged(find_pgbouncer(), self.folder, data=self._configuration)

    def command_on(self, port: int) -> Sequence[str]:
        for file in self._write_configuration(port):
            self.run_as.give(file)
        return [str(find_pgbouncer()), str(self._configuration)]

    def is_ready(self) -> bool:
        """Return whether a connection through PgBouncer reaches PostgreSQL."""
        database = urlsplit(self._config.server_url).path.removeprefix("/")
        try:
            psycopg.connect(self.url(database), connect_timeout=2, prepare_threshold=None).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _configuration(self) -> Path:
        return self.folder / "pgbouncer.ini"

    def _url_at(self, host: str, database: str) -> str:
        user, password = quote(self._config.user, safe=""), quote(self._config.password, safe="")
        return f"postgresql://{user}:{password}@{host}:{self.port}/{database}"

    def _write_configuration(self, port: int) -> tuple[Path, Path]:
        server = urlsplit(self._config.server_url)
        users = self.folder / "users.txt"
        user, password = (word.replace('"', '""') for word in (self._config.user, self._config.password))
        write_private(users, f'"{user}" "{password}"\n')
        write_private(
            self._configuration,
            _CONFIGURATION.format(
                host=server.hostname,
                server_port=server.port,
                user=unquote(server.username or ""),
                password=unquote(server.password or "").replace("'", "''"),
                port=port,
                users=users,
                socket_folder=gettempdir(),
                sessions=self._config.sessions,
            ),
        )
        return users, self._configuration


def find_pgbouncer() -> Path:
    """Return the path of the installed PgBouncer.

    Raises:
        ServerFailed: PgBouncer is not installed.
    """
    found = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if found is None:
        raise ServerFailed("PgBouncer is not installed: make test-servers")
    return Path(found)
