"""A child's start can be called off from another thread, and then leaves nothing behind."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.servers.child import Child, ServerFailed

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
AT_ONCE = [sys.executable, "-c", ""]


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child("a server", tmp_path, stop_signal=signal.SIGTERM, stop_grace_s=5)


def test_a_start_that_is_called_off_ends_its_process(child: Child) -> None:
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


def test_a_start_that_is_called_off_is_not_tried_again(child: Child) -> None:
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


def test_what_was_called_off_before_it_began_starts_nothing_until_it_is_stopped(child: Child) -> None:
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
