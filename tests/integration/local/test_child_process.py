"""A child ends with its owner, however that ends; a start that is called off leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from local.processes.child_process import ChildProcess, ServerFailed
from tests.paths import ROOT

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
AT_ONCE = [sys.executable, "-c", ""]


#: Starts a child from a thread that ends at once, says its process id, and waits to be killed.
OWNER = """
import json, signal, sys, threading, time
from pathlib import Path
from local.processes.child_process import ChildProcess
from local.processes.run_as import Identity
user, prefix, death_signal = json.loads(sys.argv[2])
child = ChildProcess("a server", Path(sys.argv[1]), stop_signal=signal.SIGTERM, stop_grace_s=5,
              death_signal=signal.Signals(death_signal))
child.claim()
command = ["sleep", "600"]
identity = Identity(user and tuple(user), tuple(prefix))
start = lambda: child.start(lambda: command, ready=lambda: True, timeout_s=60, identity=identity)
thread = threading.Thread(target=start)
thread.start()
thread.join()
print(child.pid, flush=True)
time.sleep(600)
"""
NOBODY = (65_534, 65_534)
AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"),
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@contextmanager
def owned(
    folder: Path,
    *,
    user: tuple[int, int] | None = None,
    prefix: tuple[str, ...] = (),
    death_signal: int = signal.SIGTERM,
) -> Iterator[psutil.Process]:
    """Run a child whose owner is killed after the body."""
    arguments = [str(folder), json.dumps((user, prefix, death_signal))]
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        try:
            yield psutil.Process(int(owner.stdout.readline()))
        finally:
            owner.kill()


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def child(tmp_path: Path) -> ChildProcess:
    return ChildProcess("a server", tmp_path, stop_signal=signal.SIGTERM, stop_grace_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
@pytest.mark.parametrize(
    ("user", "prefix"),
    [
        (None, ()),
        pytest.param(NOBODY, (), marks=as_root),
        pytest.param(NOBODY, AS_NOBODY, marks=as_root),
    ],
    ids=["ourselves", "another user", "another user with a capability"],
)
def test_a_child_ends_with_its_killed_owner_and_not_with_the_thread_that_asked_for_it(
    tmp_path: Path, user: tuple[int, int] | None, prefix: tuple[str, ...]
) -> None:
    wanted = os.getuid() if user is None else NOBODY[0]
    with owned(tmp_path, user=user, prefix=prefix) as process:
        eventually(lambda: process.name() == "sleep")
        assert process.uids().real == wanted

    process.wait(20)


def test_a_child_that_outlives_its_killed_owner_is_ended_by_the_next(
    tmp_path: Path, child: ChildProcess
) -> None:
    # A signal that changes nothing: as on a system whose kernel does not tell.
    with owned(tmp_path, death_signal=signal.SIGCONT) as process:
        pass
    assert process.is_running()

    child.claim()

    assert not process.is_running()
    child.stop()


def test_a_program_that_is_not_there_is_told(child: ChildProcess) -> None:
    child.claim()

    with pytest.raises(ServerFailed, match="/no/such/program: No such file"):
        child.start(lambda: ["/no/such/program"], ready=lambda: False, timeout_s=60)

    child.stop()


def test_a_start_that_is_called_off_ends_its_process(child: ChildProcess) -> None:
    child.claim()
    with ThreadPoolExecutor() as threads:
        starting = threads.submit(child.start, lambda: FOREVER, ready=lambda: False, timeout_s=60)
        while child.pid is None:
            time.sleep(0.01)

        child.call_off()

        with pytest.raises(ServerFailed, match="called off"):
            starting.result(30)
    assert not child.running
    assert child.status == -signal.SIGTERM
    child.stop()


def test_a_start_that_is_called_off_is_not_tried_again(child: ChildProcess) -> None:
    commands = []

    def command() -> list[str]:
        commands.append(AT_ONCE)
        child.call_off()
        return AT_ONCE

    child.claim()
    with pytest.raises(ServerFailed):
        child.start(command, ready=lambda: False, timeout_s=60)

    assert len(commands) == 1
    child.stop()


def test_what_was_called_off_before_it_began_starts_nothing_until_it_is_stopped(child: ChildProcess) -> None:
    child.call_off()
    child.claim()
    with pytest.raises(ServerFailed, match="called off"):
        child.start(lambda: FOREVER, ready=lambda: True, timeout_s=60)
    assert child.pid is None
    child.stop()

    child.claim()
    child.start(lambda: FOREVER, ready=lambda: True, timeout_s=60)

    assert child.running
    child.stop()
