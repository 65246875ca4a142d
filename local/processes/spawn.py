"""Starts programs that end when this process is killed (docs/decisions/0018-children-end-with-make-run.md).

On Linux a process can ask the kernel for a signal when its parent ends. The kernel sends this signal when the
thread that started the process ends, so every child is started by one thread that never ends.
"""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.processes.run_as import OURSELVES, RunAs

#: Python code that copies this process's module search path to the child, because isolated Python (`-I`)
#: searches only the standard library.
_IMPORT = f"import sys; sys.path[:] = {sys.path!r}; from local.processes.child_entry_point import become"
#: The Python command that runs `become`; its options make Python start fast and work for every user.
_BECOME = (sys.executable, "-I", "-S", "-B", "-c", f"{_IMPORT}; become(sys.argv[1:])")


def spawn(
    command: Sequence[str],
    *,
    log_path: Path,
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    run_as: RunAs = OURSELVES,
) -> "subprocess.Popen[bytes]":
    """Start a program in a new session; its output goes to a new log.

    Ctrl-C at the terminal does not reach programs in other sessions, so this process can end them in the
    right order.
    """

    def popen() -> "subprocess.Popen[bytes]":
        with log_path.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - commands are built by this package
                bound_command(command, death_signal=death_signal, run_as=run_as),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                # Another user may be unable to enter this process's working directory.
                cwd=None if run_as == OURSELVES else "/",
                start_new_session=True,
            )

    return _starting_thread().submit(popen).result()


def bound_command(
    command: Sequence[str], *, death_signal: signal.Signals, run_as: RunAs = OURSELVES
) -> list[str]:
    """Return a command that runs `command` and receives `death_signal` if this process is killed."""
    # If `run_as` has a prefix, the prefix command (such as `setpriv`) changes the user, not `become`.
    owner = None if run_as.prefix else run_as.owner
    user = ("-", "-") if owner is None else (str(owner[0]), str(owner[1]))
    return [*run_as.prefix, *_BECOME, str(os.getpid()), str(int(death_signal)), *user, *command]


@functools.cache
def _starting_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="starts children")
