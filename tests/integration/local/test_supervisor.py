"""A part that ends is started again and said so; one that keeps ending is given up with a sentence."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.processes.child_process import ChildProcess, ServerFailed
from local.processes.supervisor import Supervisor

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
AT_ONCE = [sys.executable, "-c", "raise SystemExit(3)"]


class Process:
    """A part that runs one command, started anew without waiting until it is ready."""

    def __init__(self, name: str, folder: Path, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.starts = 0
        self.refuses = False
        self._child = ChildProcess(name, folder, stop_signal=signal.SIGTERM, stop_grace_s=5)

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def status(self) -> int | None:
        return self._child.status

    @property
    def log_path(self) -> Path:
        return self._child.log_path

    def start(self) -> None:
        self._child.claim()
        self._child.start(lambda: FOREVER, ready=lambda: True, timeout_s=20)

    def restart(self) -> None:
        if self.refuses:
            raise ServerFailed("it does not start; its log says why")
        self.starts += 1
        self._child.respawn(self.command)

    def call_off(self) -> None:
        self._child.call_off()

    def kill(self) -> None:
        self._child.kill()

    def stop(self) -> None:
        self._child.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, list[str]], Process]]:
    started: list[Process] = []

    def start(name: str, command: list[str]) -> Process:
        part = Process(name, tmp_path / name, command)
        started.append(part)
        part.start()
        return part

    yield start
    for part in started:
        part.stop()


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_what_ended_is_started_again_and_it_is_said(start: Callable[[str, list[str]], Process]) -> None:
    said: list[str] = []
    first, second = start("first", FOREVER), start("second", FOREVER)
    supervisor = Supervisor(said.append)
    supervisor.watch([first, second])

    first.kill()
    eventually(lambda: len(said) == 2)
    supervisor.stop()

    assert said[0].startswith("first ended (SIGKILL); starting it again (")
    assert said[1] == "first was started again"
    assert first.running
    assert (first.starts, second.starts) == (1, 0)


def test_what_keeps_ending_is_started_later_each_time_and_then_given_up(
    start: Callable[[str, list[str]], Process],
) -> None:
    said: list[str] = []
    called_off: list[bool] = []
    part = start("a worker", AT_ONCE)
    supervisor = Supervisor(
        said.append, on_given_up=lambda: called_off.append(True), pauses_s=(0.0, 0.01, 0.02)
    )
    supervisor.watch([part])

    part.kill()
    with pytest.raises(ServerFailed) as given_up:
        supervisor.wait()

    assert part.starts == 3
    assert "in 0.02 s" in said[-2]
    assert "a worker has ended 4 times" in given_up.value.detail
    assert "exit status 3" in given_up.value.detail
    assert str(part.log_path) in given_up.value.detail
    assert called_off == [True]
    supervisor.stop()


def test_what_cannot_be_started_again_is_given_up_too_however_long_it_had_run(
    start: Callable[[str, list[str]], Process],
) -> None:
    said: list[str] = []
    part = start("a server", FOREVER)
    started_at = time.monotonic()
    # It has run for longer than what counts as stable before it ends.
    supervisor = Supervisor(said.append, pauses_s=(0.0, 0.01), stable_s=1.0)
    supervisor.watch([part])
    eventually(lambda: time.monotonic() > started_at + 1.1)
    part.refuses = True

    part.kill()
    with pytest.raises(ServerFailed, match="a server has ended 3 times"):
        supervisor.wait()

    assert said.count("it does not start; its log says why") == 2
    supervisor.stop()


def test_what_ran_for_long_begins_with_the_first_pause(start: Callable[[str, list[str]], Process]) -> None:
    part = start("a worker", FOREVER)
    # Whatever has run at all counts as stable.
    supervisor = Supervisor(lambda _: None, pauses_s=(0.0,), stable_s=0.0)
    supervisor.watch([part])

    for starts in range(1, 4):
        part.kill()
        eventually(lambda starts=starts: part.starts == starts and part.running)  # type: ignore[misc]
    supervisor.stop()

    assert part.running


def test_a_supervisor_that_stops_cuts_a_pause_short_and_starts_nothing_more(
    start: Callable[[str, list[str]], Process],
) -> None:
    said: list[str] = []
    part = start("a worker", FOREVER)
    supervisor = Supervisor(said.append, pauses_s=(3600.0,))
    supervisor.watch([part])
    part.kill()
    eventually(lambda: bool(said))

    supervisor.stop()

    assert part.starts == 0
    assert not part.running
