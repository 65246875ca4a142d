"""One of our own processes, a gateway or a worker, run as a child and started again if it ends."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.processes.child_process import ChildProcess

#: A worker drains within 25 s of SIGTERM.
STOP_GRACE_S = 35.0


class Service:
    """A supervised `python -m …`."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        command: Sequence[str],
        env: Mapping[str, str],
        ready: Callable[[int], bool],
        timeout_s: float,
    ) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._ready = ready
        self._timeout_s = timeout_s
        self._child = ChildProcess(
            name,
            folder,
            stop_signal=signal.SIGTERM,
            stop_grace_s=STOP_GRACE_S,
            # Without its Redis nothing can be drained, and nothing is lost.
            death_signal=signal.SIGKILL,
        )

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def log_path(self) -> Path:
        return self._child.log_path

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            ServerFailed: with the end of its log, or because it was called off.
        """
        self._child.claim()
        self._child.start(
            lambda: self._command, ready=self._is_ready, timeout_s=self._timeout_s, env=self._env
        )

    def call_off(self) -> None:
        """Make a start that another thread is in fail soon."""
        self._child.call_off()

    def restart(self) -> None:
        """Start it anew after it ended; it announces itself when it is ready."""
        self._child.respawn(self._command, env=self._env)

    @property
    def status(self) -> int | None:
        """The exit status of a process that has ended, negative for a signal."""
        return self._child.status

    def kill(self) -> None:
        """Kill it without a word, as the kernel does when memory runs out."""
        self._child.kill()

    def end(self) -> None:
        """End it gently and keep its folder."""
        self._child.end()

    def stop(self) -> None:
        """End it, first gently; harmless when it does not run."""
        self._child.stop()

    def _is_ready(self) -> bool:
        pid = self._child.pid
        return pid is not None and self._ready(pid)
