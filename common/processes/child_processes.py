"""Ends a process when its parent ends, blocks SIGINT in child processes, and protects a process's memory."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The options of prctl(2).
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def module_command(module: str) -> list[str]:
    """Return the command that runs the same copy of a module that this process would import.

    `python -m` searches the working directory first, which finds the right copy in a checkout. If this
    process runs from an installation, `-P` is added so that a folder of the same name in the working
    directory is not found.
    """
    return [sys.executable, *([] if _searches_cwd() else ["-P"]), "-m", module]


def _searches_cwd() -> bool:
    try:
        return not {"", os.getcwd()}.isdisjoint(sys.path)  # noqa: PTH109 - compared with text
    except FileNotFoundError:
        # The working directory has been removed, so modules cannot be found there.
        return False


def end_with_parent(parent_pid: int, *, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Make the kernel send this process a signal when the thread that started this process ends (Linux only).

    Call this function after changing the process's user, because that change cancels the signal.

    Raises:
        SystemExit: the parent has already ended.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent_pid:
        sys.exit(1)


def forbid_inspection() -> None:
    """Prevent other processes of the same user from reading this one's memory and environment (Linux only).

    Only root can then read `/proc/<pid>/environ` and `/proc/<pid>/mem` or attach with ptrace, and no core
    dump is written. Programs that this process starts are not protected.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


@contextmanager
def sigint_blocked_in_children() -> Iterator[None]:
    """Block SIGINT, from the first instruction, in every process that is started in the `with` block.

    A terminal sends SIGINT to its whole process group. The signal must be blocked before the child starts: a
    child that ignores SIGINT in its own code would end with a traceback if SIGINT arrived while Python
    starts. The calling process still receives SIGINT: at once if another thread can receive it, else at the
    end of the `with` block.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value)
