"""A terminal's Ctrl-C and the processes that their parent ends itself."""

import os
import signal
import subprocess
import sys

import pytest

from common.interrupts import children_never_interrupted

IMPORTS_A_WHILE = [sys.executable, "-c", "import asyncio, email, http.client, unittest, xml.dom.minidom"]


def test_a_child_that_is_still_starting_is_not_ended_by_an_interrupt() -> None:
    with children_never_interrupted():
        child = subprocess.Popen(IMPORTS_A_WHILE, stderr=subprocess.PIPE, text=True)

    while child.poll() is None:
        child.send_signal(signal.SIGINT)
    _, said = child.communicate()

    assert (child.returncode, said) == (0, "")


def test_the_parent_is_still_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_starting_children()


def interrupt_while_starting_children() -> None:
    with children_never_interrupted():
        os.kill(os.getpid(), signal.SIGINT)
