"""A closed process cannot be inspected, and a child that its parent ends is never interrupted."""

import os
import signal
import subprocess
import sys

import pytest

from common.process_control import sigint_blocked_in_children

pytestmark = pytest.mark.starts_processes

SCRIPT = """
import ctypes, subprocess, sys
from common.process_control import forbid_inspection

dumpable = lambda: ctypes.CDLL(None).prctl(3)
before = dumpable()
forbid_inspection()
child = [sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).prctl(3))"]
print(before, dumpable(), subprocess.check_output(child, text=True).strip())
"""


IMPORTS_A_WHILE = [sys.executable, "-c", "import asyncio, email, http.client, unittest, xml.dom.minidom"]


def test_only_the_process_itself_is_closed() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "0", "1"]


def test_a_child_that_is_still_starting_is_not_ended_by_an_interrupt() -> None:
    with sigint_blocked_in_children():
        child = subprocess.Popen(IMPORTS_A_WHILE, stderr=subprocess.PIPE, text=True)

    while child.poll() is None:
        child.send_signal(signal.SIGINT)
    _, said = child.communicate()

    assert (child.returncode, said) == (0, "")


def test_the_parent_is_still_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_starting_children()


def interrupt_while_starting_children() -> None:
    with sigint_blocked_in_children():
        os.kill(os.getpid(), signal.SIGINT)
