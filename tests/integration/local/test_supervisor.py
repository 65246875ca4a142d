"""The supervisor reports and restarts a process that ends, unless the process has ended too often."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from local.errors import ServerFailed
from local.processes.supervisor import Supervisor
from tests.integration.local.commands import FOREVER, Restarted
from tests.polling import eventually

AT_ONCE = (sys.executable, "-c", "raise SystemExit(3)")

StartPart = Callable[[str, Sequence[str]], Restarted]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartPart]:
    started: list[Restarted] = []

    def start(name: str, again: Sequence[str]) -> Restarted:
        part = Restarted(name, tmp_path / name, again)
        started.append(part)
        part.start()
        return part

    yield start
    for part in started:
        part.stop()


def test_only_an_ended_part_is_restarted_and_reported(start: StartPart) -> None:
    messages: list[str] = []
    first, second = start("first", FOREVER), start("second", FOREVER)
    supervisor = Supervisor(messages.append)
    supervisor.watch([first, second])

    first.kill()
    eventually(lambda: len(messages) == 2)
    supervisor.stop()

    assert messages[0].startswith("first ended (SIGKILL); starting it again (")
    assert messages[1] == "first was started again"
    assert first.running
    assert (first.restarts, second.restarts) == (1, 0)


def test_a_crashing_part_is_restarted_with_longer_pauses_and_then_given_up(
    start: StartPart,
) -> None:
    messages: list[str] = []
    canceled: list[bool] = []
    part = start("a worker", AT_ONCE)
    supervisor = Supervisor(
        messages.append, on_given_up=lambda: canceled.append(True), pauses_s=(0.0, 0.01, 0.02)
    )
    supervisor.watch([part])

    part.kill()
    with pytest.raises(ServerFailed) as given_up:
        supervisor.wait()

    assert part.restarts == 3
    assert "in 0.02 s" in messages[-2]
    assert "a worker has ended 4 times" in given_up.value.detail
    assert "exit status 3" in given_up.value.detail
    assert str(part.log_path) in given_up.value.detail
    assert canceled == [True]
    supervisor.stop()


def test_a_part_that_cannot_restart_is_given_up_even_after_a_long_run(
    start: StartPart,
) -> None:
    messages: list[str] = []
    part = start("a server", FOREVER)
    started_at = time.monotonic()
    # The process runs for longer than `stable_s` before it ends.
    supervisor = Supervisor(messages.append, pauses_s=(0.0, 0.01), stable_s=1.0)
    supervisor.watch([part])
    eventually(lambda: time.monotonic() > started_at + 1.1)
    part.refuses = True

    part.kill()
    with pytest.raises(ServerFailed, match="a server has ended 3 times"):
        supervisor.wait()

    assert messages.count("it does not start; its log says why") == 2
    supervisor.stop()


def test_a_stable_run_resets_the_restart_pause(start: StartPart) -> None:
    part = start("a worker", FOREVER)
    # Every run counts as stable.
    supervisor = Supervisor(lambda _: None, pauses_s=(0.0,), stable_s=0.0)
    supervisor.watch([part])

    for starts in range(1, 4):
        part.kill()
        eventually(lambda starts=starts: part.restarts == starts and part.running)  # type: ignore[misc]
    supervisor.stop()

    assert part.running


def test_stopping_the_supervisor_ends_a_pause_without_a_restart(
    start: StartPart,
) -> None:
    messages: list[str] = []
    part = start("a worker", FOREVER)
    supervisor = Supervisor(messages.append, pauses_s=(3600.0,))
    supervisor.watch([part])
    part.kill()
    eventually(lambda: bool(messages))

    supervisor.stop()

    assert part.restarts == 0
    assert not part.running
