"""A PgBouncer in transaction mode, which stands before most hosted PostgreSQL, from Debian's package.

It listens on a free port of 127.0.0.1, takes any database of the server behind it, and lends each
transaction one of a few sessions.
"""

import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import psycopg

from local.processes.child_process import ChildProcess, ServerFailed, free_port
from local.servers.unprivileged import identity_for

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
    """The server's URL is that of any of its databases; `user` is what clients call themselves."""

    folder: Path
    server_url: str = field(repr=False)
    user: str = "postgres"
    password: str = field(default="pooled", repr=False)
    sessions: int = 4
    start_timeout_s: float = 20.0


class PgBouncerServer:
    """A PgBouncer that lives as long as its owner."""

    def __init__(self, config: PgBouncerConfig) -> None:
        self._config = config
        self._folder = config.folder.absolute()
        self._child = ChildProcess("PgBouncer", self._folder, stop_signal=signal.SIGINT, stop_grace_s=10.0)
        self._port = 0

    def url(self, database: str) -> str:
        """Return the URL of a database behind it."""
        user, password = quote(self._config.user, safe=""), quote(self._config.password, safe="")
        return f"postgresql://{user}:{password}@127.0.0.1:{self._port}/{database}"

    def socket_url(self, database: str) -> str:
        """Return the URL of a database by the socket that it listens on too."""
        user, password = quote(self._config.user, safe=""), quote(self._config.password, safe="")
        folder = quote(gettempdir(), safe="")
        return f"postgresql://{user}:{password}@{folder}:{self._port}/{database}"

    def start(self) -> None:
        """Start it and wait until it leads to the server.

        Raises:
            ServerFailed: it is not installed, or with the end of its log.
        """
        executable = find_pgbouncer()
        self._child.claim()
        try:
            identity = identity_for(executable, self._folder, data=self._folder / "pgbouncer.ini")

            def command() -> list[str]:
                self._port = free_port()
                for file in self._write_configuration():
                    identity.own(file)
                return [str(executable), str(self._folder / "pgbouncer.ini")]

            self._child.start(
                command,
                ready=self._answers,
                timeout_s=self._config.start_timeout_s,
                identity=identity,
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

    def _write_configuration(self) -> tuple[Path, Path]:
        server = urlsplit(self._config.server_url)
        users, configuration = self._folder / "users.txt", self._folder / "pgbouncer.ini"
        user, password = (word.replace('"', '""') for word in (self._config.user, self._config.password))
        _write(users, f'"{user}" "{password}"\n')
        _write(
            configuration,
            _CONFIGURATION.format(
                host=server.hostname,
                server_port=server.port,
                user=unquote(server.username or ""),
                password=unquote(server.password or "").replace("'", "''"),
                port=self._port,
                users=users,
                socket_folder=gettempdir(),
                sessions=self._config.sessions,
            ),
        )
        return users, configuration

    def _answers(self) -> bool:
        database = urlsplit(self._config.server_url).path.removeprefix("/")
        try:
            psycopg.connect(self.url(database), connect_timeout=2, prepare_threshold=None).close()
        except psycopg.OperationalError:
            return False
        return True


def find_pgbouncer() -> Path:
    """Return the PgBouncer of this machine.

    Raises:
        ServerFailed: it is not installed.
    """
    found = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if found is None:
        raise ServerFailed("PgBouncer is not installed: make test-servers")
    return Path(found)


def _write(file: Path, content: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(content)
