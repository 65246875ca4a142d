"""The first program of a child process: changes the user, ends with the parent, executes the command.

The process id stays the same. This module imports little, so that it starts in a few milliseconds.
"""

import os
import signal
import sys

# `os.execvp` imports it, and the other user may not be able to read the standard library.
import warnings  # noqa: F401
from collections.abc import Sequence

from common.process_control import end_with_parent


def become(arguments: Sequence[str]) -> None:
    """Replace this process: PARENT_PID DEATH_SIGNAL UID GID COMMAND…; `-` keeps the user."""
    parent_pid, death_signal, uid, gid, *command = arguments
    # First the user: the kernel clears the parent-death signal when the user changes.
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    end_with_parent(int(parent_pid), death_signal=signal.Signals(int(death_signal)))
    try:
        os.execvp(command[0], command)  # noqa: S606 - commands are built by this package
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
