"""Ends a process with its parent, blocks SIGINT in child processes, and prevents inspection of a process."""

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
    """Return the command that runs a module from the place where this process would import it.

    `python -m` searches the working directory first, which is right in a checkout. If this process runs from
    an installation, `-P` is added so that a folder of the same name in the working directory is not found.
    """
    return [sys.executable, *([] if _searches_cwd() else ["-P"]), "-m", module]


def _searches_cwd() -> bool:
    try:
        return not {"", os.getcwd()}.isdisjoint(sys.path)  # noqa: PTH109 - compared with text
    except FileNotFoundError:
        # The working directory was removed, so it has no modules.
        return False


def end_with_parent(parent_pid: int, *, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Make the kernel send this process a signal when the thread that started it ends; on Linux only.

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
    """Block SIGINT in all processes that are started in the `with` block, from their first instruction.

    A terminal sends SIGINT to its whole process group. A child that ignores the signal in its own code would
    still end with a traceback if the signal arrives while Python starts. The calling process still receives
    SIGINT: in another thread at once, or when the `with` block ends.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value)
