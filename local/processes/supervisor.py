"""Restarts a stack's processes when they end; the pauses grow if a process ends within a minute.

running ──ended──► pause ──► started again ──► running
                     │ it ended too often, each time within a minute
                     └──► given up: the whole stack ends and reports the process
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable

from local.errors import ServerFailed
from local.processes.child_process import ChildProcess

LOOK_EVERY_S = 0.5
#: The seconds to wait before each successive restart; if the process ends again after the last restart, it is
#: no longer restarted.
PAUSES_S = (0.0, 1.0, 2.0, 4.0, 8.0)
#: The seconds after which a running process counts as stable; when a stable process ends, the pauses start
#: from the first again.
STABLE_S = 60.0


class Supervisor:
    """Watches each process of a stack in a separate thread."""

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        on_given_up: Callable[[], None] = lambda: None,
        pauses_s: tuple[float, ...] = PAUSES_S,
        stable_s: float = STABLE_S,
    ) -> None:
        self._report = report
        self._on_given_up = on_given_up
        self._pauses_s = pauses_s
        self._stable_s = stable_s
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._reason = ""
        self._watched: list[tuple[ChildProcess, threading.Thread]] = []

    def watch(self, parts: Iterable[ChildProcess]) -> None:
        """Start watching these running processes; each is restarted whenever it ends."""
        for part in parts:
            thread = threading.Thread(target=self._keep, args=(part,), name=f"keeps {part.name}", daemon=True)
            self._watched.append((part, thread))
            thread.start()

    def wait(self) -> None:
        """Wait until a process has ended too often and is no longer restarted.

        Raises:
            ServerFailed: always; the message names the process that ended too often.
        """
        self._given_up.wait()
        self.require_all()

    def require_all(self) -> None:
        """Raise an error if a process ended too often and is no longer restarted.

        Raises:
            ServerFailed: a process ended too often; the message names the process.
        """
        if self._given_up.is_set():
            raise ServerFailed(self._reason)

    def stop(self) -> None:
        """Stop restarting processes; running processes are not stopped."""
        self._stopping.set()
        for part, _ in self._watched:
            part.cancel_start()
        for _, thread in self._watched:
            thread.join()

    def _keep(self, part: ChildProcess) -> None:
        ends, started_at = 0, time.monotonic()
        while not self._stopping.wait(LOOK_EVERY_S):
            if part.running:
                continue
            if time.monotonic() - started_at > self._stable_s:
                ends = 0
            if ends == len(self._pauses_s):
                self._give_up(part)
                return
            self._start_again(part, after_s=self._pauses_s[ends])
            ends, started_at = ends + 1, time.monotonic()

    def _start_again(self, part: ChildProcess, *, after_s: float) -> None:
        when = f" in {after_s:g} s" if after_s else ""
        self._report(f"{part.name} ended ({_cause(part.status)}); starting it again{when} ({part.log_path})")
        if self._stopping.wait(after_s):
            return
        try:
            part.restart()
        except (ServerFailed, OSError) as error:
            # The restart was canceled, or memory or process ids ran out temporarily.
            if not self._stopping.is_set():
                self._report(str(error))
        else:
            self._report(f"{part.name} was started again")

    def _give_up(self, part: ChildProcess) -> None:
        self._reason = (
            f"{part.name} has ended {len(self._pauses_s) + 1} times, each within {self._stable_s:g} s of its "
            f"start, the last time with {_cause(part.status)}; its log is {part.log_path}"
        )
        self._given_up.set()
        self._on_given_up()


def _cause(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"
