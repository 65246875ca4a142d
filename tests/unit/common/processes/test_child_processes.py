"""Other processes cannot inspect a protected process, whose child processes ignore interrupts."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.processes.child_processes import module_command, sigint_blocked_in_children

pytestmark = pytest.mark.starts_processes

SCRIPT = """
import ctypes, subprocess, sys
from common.processes.child_processes import forbid_inspection

dumpable = lambda: ctypes.CDLL(None).prctl(3)
before = dumpable()
forbid_inspection()
child = [sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).prctl(3))"]
print(before, dumpable(), subprocess.check_output(child, text=True).strip())
"""


INTERRUPTED = """
import os, signal
from common.processes.child_processes import sigint_blocked_in_children

try:
    with sigint_blocked_in_children():
        os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""
IMPORTS_A_WHILE = [sys.executable, "-c", "import asyncio, email, http.client, unittest, xml.dom.minidom"]


def test_a_module_can_be_started_in_a_removed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert module_command("worker") == [sys.executable, "-P", "-m", "worker"]


def test_only_the_process_itself_becomes_undumpable() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "0", "1"]


def test_an_interrupt_does_not_end_a_starting_child() -> None:
    with sigint_blocked_in_children():
        child = subprocess.Popen(IMPORTS_A_WHILE, stderr=subprocess.PIPE, text=True)

    while child.poll() is None:
        child.send_signal(signal.SIGINT)
    _, errors = child.communicate()

    assert (child.returncode, errors) == (0, "")


def test_an_interrupt_still_reaches_the_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == ["interrupted"]
