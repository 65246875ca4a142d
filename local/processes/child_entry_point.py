"""The code that a child process runs first, to change its user, to end with its parent and to run a command.

Executing the command does not change the process id. This module imports little, so that it starts in a few
milliseconds.
"""

import os
import signal
import sys

# `os.execvp` needs the module `warnings`, which is imported before the user changes, because the new user may
# be unable to read the standard library.
import warnings  # noqa: F401
from collections.abc import Sequence

from common.processes.child_processes import end_with_parent


def become(arguments: Sequence[str]) -> None:
    """Execute a command; `arguments` are `PARENT_PID DEATH_SIGNAL UID GID COMMAND…`.

    If UID is `-`, the command runs as the current user.
    """
    parent_pid, death_signal, uid, gid, *command = arguments
    # `end_with_parent` is called after changing the user, because changing the user clears the parent-death
    # signal.
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    end_with_parent(int(parent_pid), death_signal=signal.Signals(int(death_signal)))
    try:
        os.execvp(command[0], command)  # noqa: S606 - commands are built by this package
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
