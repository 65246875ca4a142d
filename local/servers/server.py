"""A server on a free port of 127.0.0.1; a restart keeps the port."""

import signal
import socket
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from local.errors import ServerFailed
from local.processes.child_process import ChildProcess


class Server(ChildProcess):
    """A child process that listens on one port."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        port: int | None = None,
        stop_signal: signal.Signals,
        stop_grace_s: float,
        start_timeout_s: float,
    ) -> None:
        """Set the port; None chooses a free port."""
        super().__init__(
            name,
            folder,
            stop_signal=stop_signal,
            stop_grace_s=stop_grace_s,
            start_timeout_s=start_timeout_s,
        )
        self._given_port = port
        self._port: int | None = None

    @abstractmethod
    def command_on(self, port: int) -> Sequence[str]:
        """Write the server's configuration files, and return the command that listens on `port`."""

    @property
    def port(self) -> int:
        if self._port is None:
            raise ServerFailed(f"{self.name} has not been started")
        return self._port

    def command(self) -> Sequence[str]:
        self._port = self._given_port or free_port()
        return self.command_on(self._port)

    def restart(self) -> None:
        """Restart the server on the same port, and wait until it is ready."""
        self._given_port = self.port
        super().restart()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which no program listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
