"""Process control: end with the parent, block SIGINT in children, forbid inspection by other processes."""

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
    """Return the command that runs the module which this process would import.

    `python -m` searches the working directory first. That is right in a checkout. If this process runs from
    an installation, a folder of the same name in the working directory must not be found, so `-P` is added.
    """
    searches_cwd = not {"", os.getcwd()}.isdisjoint(sys.path)  # noqa: PTH109 - compared with text
    return [sys.executable, *([] if searches_cwd else ["-P"]), "-m", module]


def end_with_parent(parent_pid: int, *, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Make the kernel signal this process when the thread that started it ends; on Linux only.

    Call it after a change of the process's user, because such a change resets it.

    Raises:
        SystemExit: the parent has already ended.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent_pid:
        sys.exit(1)


def forbid_inspection() -> None:
    """Prevent other processes of the same user from reading memory and environment; on Linux only.

    Only root can then read `/proc/<pid>/environ` and `/proc/<pid>/mem` or attach with ptrace, and no core
    dump is written. Programs that this process starts are not protected.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


@contextmanager
def sigint_blocked_in_children() -> Iterator[None]:
    """Block SIGINT in the processes that the body starts, from their first instruction on.

    A terminal sends SIGINT to its whole process group. A child that ignores the signal in its own code would
    still end with a traceback if the signal arrives while Python starts. This process still receives SIGINT,
    in another thread or when the block ends.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value)
