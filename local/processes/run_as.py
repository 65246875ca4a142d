"""The user that a program runs as: this process's user, or an unprivileged user if this process is root.

PostgreSQL and PgBouncer refuse to run as root, so root starts them as the user `nobody`. If `nobody` cannot
enter a parent folder (such as `/root`) of the program or its data, the program is started by `setpriv`, which
gives it the capability to ignore file permissions and no other capability.
"""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from local.errors import ServerFailed

UNPRIVILEGED_USER = "nobody"


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user that a program runs as; `prefix` is a command, such as `setpriv`, that changes the user."""

    #: The user id and the group id; None means the user of this process.
    owner: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()

    def give(self, path: Path) -> None:
        """Make this user the owner of `path` and, if it is a folder, of everything in it."""
        if self.owner is not None:
            for entry in [path, *path.rglob("*")]:
                os.chown(entry, *self.owner, follow_symlinks=False)


OURSELVES = RunAs()


def unprivileged(*paths: Path, data: Path) -> RunAs:
    """Return the user for a program that refuses to run as root and that must be able to enter `paths`.

    If this process is root, the returned user is the owner of `data`, or `nobody` if `data` is missing or
    belongs to root.

    Raises:
        ServerFailed: the user cannot enter one of the paths, and `setpriv` is not installed.
    """
    if os.geteuid() != 0:
        return OURSELVES
    owner = _unprivileged_owner(data)
    closed = [path for path in paths if not _is_reachable(path, *owner)]
    if not closed:
        return RunAs(owner)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed(
            f"as root, PostgreSQL runs as the user {owner[0]}, who may not enter {closed[0]}: "
            "install util-linux (setpriv), move the checkout, or run as an ordinary user"
        )
    # initdb searches for `postgres` with access(2), which takes the capability into account only if this bit
    # is set.
    access = "--securebits=+no_setuid_fixup"
    capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    as_user = (f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups")
    return RunAs(owner, prefix=(setpriv, *as_user, access, *capability, "--"))


def _unprivileged_owner(data: Path) -> tuple[int, int]:
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    return user.pw_uid, user.pw_gid


def _is_reachable(path: Path, uid: int, gid: int) -> bool:
    return all(_may_enter(step, uid, gid) for step in [path, *path.parents] if step.exists())


def _may_enter(path: Path, uid: int, gid: int) -> bool:
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
