"""Closes this process to others of its user, such as its decoders: its memory and its environment."""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def forbid_inspection() -> None:
    """Give `/proc/<pid>/environ`, `mem` and ptrace to root alone, and write no core dumps; on Linux only.

    What this process starts is not closed: a program that is executed begins anew.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0)
