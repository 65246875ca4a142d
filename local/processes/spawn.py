"""Becomes another program that ends together with its parent: what a child's process runs first.

    become([PARENT_PID, DEATH_SIGNAL, UID, GID, COMMAND, …])

The process id stays the same. The user is changed here, because the kernel forgets about the parent when it
is; `-` is no change.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from common.process_control import end_with_parent

_ROOT = str(Path(__file__).resolve().parents[2])
#: Isolated, without `site` and without writing bytecode: it starts in a few milliseconds, as any user.
_PYTHON = (
    *(sys.executable, "-I", "-S", "-B", "-c"),
    (
        f"import sys; sys.path.insert(0, {_ROOT!r}); "
        "from local.processes.spawn import become; become(sys.argv[1:])"
    ),
)


def tied(
    command: Sequence[str], *, death_signal: signal.Signals, uid: int | None = None, gid: int | None = None
) -> list[str]:
    """Return a command that becomes the given one, tied to this process; as another user if one is named."""
    owner = ("-" if number is None else str(number) for number in (uid, gid))
    return [*_PYTHON, str(os.getpid()), str(int(death_signal)), *owner, *command]


def become(arguments: Sequence[str]) -> None:
    """Turn this process into a command."""
    parent_pid, death_signal, uid, gid, *command = arguments
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    end_with_parent(int(parent_pid), death_signal=signal.Signals(int(death_signal)))
    try:
        os.execvp(command[0], command)  # noqa: S606 - commands are built by this package
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
