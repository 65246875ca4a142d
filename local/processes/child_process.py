"""Starts a child process, waits until it is ready, restarts and stops it.

start ──► claim the folder ──► prepare ──► spawn ──► poll is_ready ──► running ──► stop
                                  ▲                      │
                                  │ restart              └── exited or too slow: spawned again, up to
                                  │                          START_ATTEMPTS times
                              has ended
"""

import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.errors import ServerFailed
from local.processes.child_process_folder import ProcessFolder
from local.processes.run_as import OURSELVES, RunAs
from local.processes.spawn import spawn

POLL_S = 0.02
#: The maximum number of start attempts. An attempt can fail because another program has taken the chosen
#: port, or because a killed PostgreSQL's shared memory is in use until its last process has ended.
START_ATTEMPTS = 3


class ChildProcess(ABC):
    """A child process with its own folder; at most one process uses the folder at a time.

    A subclass defines the command that is run and when the process is ready.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        stop_signal: signal.Signals,
        stop_grace_s: float,
        start_timeout_s: float,
        death_signal: signal.Signals | None = None,
    ) -> None:
        """Set the options; `death_signal` is sent if the parent is killed, and defaults to `stop_signal`."""
        self.name = name
        #: The user that the program runs as; a subclass can change it in `prepare`.
        self.run_as: RunAs = OURSELVES
        self._folder = ProcessFolder(folder.absolute(), name=name)
        self._stop_signal = stop_signal
        self._stop_grace_s = stop_grace_s
        self._start_timeout_s = start_timeout_s
        self._death_signal = death_signal or stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._last_status: int | None = None
        self._start_is_canceled = threading.Event()

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Write the files that the command of the next start attempt reads, and return this command."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the running process is ready."""

    def environment(self) -> Mapping[str, str] | None:
        """Return the child's environment variables, or None to inherit the variables of this process."""
        return None

    def prepare(self) -> None:  # noqa: B027 - a subclass need not do anything
        """Prepare the first start attempt; called after the folder has been locked."""

    @property
    def folder(self) -> Path:
        return self._folder.path

    @property
    def log_path(self) -> Path:
        return self._folder.log_path

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status of the process, negative if a signal ended the process; None before its end."""
        return self._last_status if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ServerFailed: the folder is in use, the start was canceled, or the process did not become ready;
                in the last case, the message includes the end of the log.
        """
        self._folder.claim()
        try:
            self._folder.end_orphan(stop_signal=self._stop_signal, grace_s=self._stop_grace_s)
            self._start_until_ready()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Restart the process after it ended, and wait until it is ready.

        Raises:
            ServerFailed: the process did not become ready, or its start was canceled; the folder stays
                locked.
        """
        self._end()
        self._start_until_ready()

    def cancel_start(self) -> None:
        """Cancel a start or restart in another thread, and any further start until the next `stop`."""
        self._start_is_canceled.set()

    def kill(self) -> None:
        """Kill the process at once with SIGKILL, as the kernel does when memory runs out."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Stop the process if it runs, by SIGKILL if it does not end in time, and unlock the folder."""
        self._end()
        self._folder.release()
        self._start_is_canceled.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _respawn(self) -> None:
        """Replace an ended process with a new process; do not wait until the new process is ready."""
        self._end()
        self._spawn()

    def _start_until_ready(self) -> None:
        self._check_not_canceled()
        self.prepare()
        for attempt in range(1, START_ATTEMPTS + 1):
            self._check_not_canceled()
            self._spawn()
            try:
                self._wait_until_ready()
            except ServerFailed:
                self._end()
                if attempt == START_ATTEMPTS or self._start_is_canceled.is_set():
                    raise
            else:
                return

    def _spawn(self) -> None:
        command = self.command()
        self._folder.rotate_log()
        self._process = spawn(
            command,
            log_path=self.log_path,
            death_signal=self._death_signal,
            env=self.environment(),
            run_as=self.run_as,
        )
        self._folder.record(self._process.pid)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while not self.is_ready():
            self._check_not_canceled()
            if not self.running:
                raise ServerFailed(self._folder.with_log_tail(f"{self.name} exited while starting"))
            if time.monotonic() > deadline:
                late = f"{self.name} was not ready within {self._start_timeout_s:g} s"
                raise ServerFailed(self._folder.with_log_tail(late))
            self._start_is_canceled.wait(POLL_S)

    def _check_not_canceled(self) -> None:
        if self._start_is_canceled.is_set():
            raise ServerFailed(f"the start of {self.name} was canceled")

    def _end(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(self._stop_grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._last_status = self._process.returncode
        self._process = None
        self._folder.forget_process()
