"""Child processes that run a command given by the test."""

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local.errors import ServerFailed
from local.processes.child_process import ChildProcess
from local.processes.run_as import OURSELVES, RunAs

FOREVER = (sys.executable, "-c", "import time; time.sleep(600)")


class Command(ChildProcess):
    """A child process that runs `argv`, which a test may change between starts."""

    def __init__(
        self,
        name: str,
        folder: Path,
        argv: Sequence[str] = FOREVER,
        *,
        ready: Callable[[], bool] = lambda: True,
        death_signal: signal.Signals = signal.SIGTERM,
        run_as: RunAs = OURSELVES,
    ) -> None:
        super().__init__(
            name,
            folder,
            stop_signal=signal.SIGTERM,
            stop_grace_s=5,
            start_timeout_s=60,
            death_signal=death_signal,
        )
        self.argv = argv
        self.ready = ready
        self.run_as = run_as
        self.attempts = 0

    def command(self) -> Sequence[str]:
        self.attempts += 1
        return self.argv

    def is_ready(self) -> bool:
        return self.ready()


class Restarted(Command):
    """A child process whose `restart` runs another command and returns before that command is ready."""

    def __init__(self, name: str, folder: Path, again: Sequence[str]) -> None:
        super().__init__(name, folder)
        self._again = again
        self.restarts = 0
        self.refuses = False

    def restart(self) -> None:
        if self.refuses:
            raise ServerFailed("it does not start; its log says why")
        self.argv = self._again
        self.restarts += 1
        self._respawn()
