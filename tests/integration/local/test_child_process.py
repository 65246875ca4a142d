"""A child process ends when its owner ends, and a canceled start leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from local.errors import ServerFailed
from tests.integration.local.commands import Command
from tests.paths import ROOT
from tests.polling import eventually

AT_ONCE = [sys.executable, "-c", ""]

#: A script that starts a child process from a short-lived thread, prints its id, and waits.
OWNER = """
import json, signal, sys, threading, time
from pathlib import Path
from local.processes.run_as import RunAs
from tests.integration.local.commands import Command
user, prefix, death_signal = json.loads(sys.argv[2])
child = Command("a server", Path(sys.argv[1]), ["sleep", "600"], death_signal=signal.Signals(death_signal),
                run_as=RunAs(user and tuple(user), tuple(prefix)))
thread = threading.Thread(target=child.start)
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
    """Start a child process, and kill its owner after the `with` body."""
    arguments = [str(folder), json.dumps((user, prefix, death_signal))]
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        try:
            yield psutil.Process(int(owner.stdout.readline()))
        finally:
            owner.kill()


@pytest.fixture
def child(tmp_path: Path) -> Command:
    return Command("a server", tmp_path)


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
def test_a_child_ends_with_its_killed_owner_and_not_with_the_starting_thread(
    tmp_path: Path, user: tuple[int, int] | None, prefix: tuple[str, ...]
) -> None:
    wanted = os.getuid() if user is None else NOBODY[0]
    with owned(tmp_path, user=user, prefix=prefix) as process:
        eventually(lambda: process.name() == "sleep")
        assert process.uids().real == wanted

    process.wait(20)


def test_the_next_owner_ends_an_orphaned_child(tmp_path: Path, child: Command) -> None:
    # The child survives its owner, as on a system without a parent-death signal, because SIGCONT does not end
    # a process.
    with owned(tmp_path, death_signal=signal.SIGCONT) as process:
        pass
    assert process.is_running()

    child.start()

    assert not process.is_running()
    child.stop()


def test_a_missing_program_is_named(child: Command) -> None:
    child.argv, child.ready = ["/no/such/program"], lambda: False

    with pytest.raises(ServerFailed, match="/no/such/program: No such file"):
        child.start()


def test_a_canceled_start_ends_its_process(child: Command) -> None:
    child.ready = lambda: False
    with ThreadPoolExecutor() as threads:
        starting = threads.submit(child.start)
        eventually(lambda: child.pid is not None)

        child.cancel_start()

        with pytest.raises(ServerFailed, match="canceled"):
            starting.result(30)
    assert not child.running
    assert child.status == -signal.SIGTERM


def test_a_canceled_start_is_not_retried(child: Command) -> None:
    def cancel() -> bool:
        child.cancel_start()
        return False

    child.argv, child.ready = AT_ONCE, cancel

    with pytest.raises(ServerFailed):
        child.start()

    assert child.attempts == 1


def test_a_failing_start_is_attempted_three_times(child: Command) -> None:
    child.argv, child.ready = AT_ONCE, lambda: False

    with pytest.raises(ServerFailed, match="exited while starting"):
        child.start()

    assert child.attempts == 3


def test_cancel_start_before_a_start_cancels_only_that_start(child: Command) -> None:
    child.cancel_start()
    with pytest.raises(ServerFailed, match="canceled"):
        child.start()
    assert child.attempts == 0

    child.start()

    assert child.running
    child.stop()


def test_a_failed_start_releases_its_folder(tmp_path: Path, child: Command) -> None:
    child.argv, child.ready = AT_ONCE, lambda: False
    with pytest.raises(ServerFailed):
        child.start()

    with Command("another server", tmp_path) as other:
        assert other.running
