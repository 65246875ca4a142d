"""A process that has forbidden it cannot be looked into by others of its user, and still starts its own."""

import subprocess
import sys

SCRIPT = """
import ctypes, subprocess, sys
from common.process_control import forbid_inspection

dumpable = lambda: ctypes.CDLL(None).prctl(3)
before = dumpable()
forbid_inspection()
child = [sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).prctl(3))"]
print(before, dumpable(), subprocess.check_output(child, text=True).strip())
"""


def test_only_the_process_itself_is_closed() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "0", "1"]
