"""What processes owe each other: they end with their parent, ignore its Ctrl-C, and keep others out."""

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
    """Return the command that runs a module as this process would find it.

    `-m` looks in the working directory first. That is right in a checkout, and wrong where this process runs
    from an installation and a folder beside it happens to have the same name.
    """
    looks_here = not {"", os.getcwd()}.isdisjoint(sys.path)  # noqa: PTH109 - compared with text
    return [sys.executable, *([] if looks_here else ["-P"]), "-m", module]


def end_with_parent(parent_pid: int, *, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel signal this process when the thread that started it ends; on Linux only.

    Call it after a change of the process's user, which removes the request.

    Raises:
        SystemExit: the parent has already ended.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent_pid:
        sys.exit(1)


def forbid_inspection() -> None:
    """Close this process's memory and environment to other processes of its user; on Linux only.

    `/proc/<pid>/environ`, `/proc/<pid>/mem` and ptrace stay open to root, and no core dump is written. A
    program that this process starts is not protected.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


@contextmanager
def children_never_interrupted() -> Iterator[None]:
    """Block SIGINT for the processes that this thread starts inside, from their first instruction on.

    A terminal sends SIGINT to its whole process group. A child that ignored it only once it runs
    would still end with a traceback while Python starts and imports. This process is interrupted as
    ever: in another of its threads, or once the block ends.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value)
