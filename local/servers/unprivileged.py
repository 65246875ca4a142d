"""Who a server runs as when this process is root and the server refuses to be.

PostgreSQL does not run as root. It then runs as `nobody`, which must be able to reach its programs
and its data; where a folder on the way is closed (a checkout under `/root`), it is given the one
capability that opens folders, and nothing else of root's.
"""

import os
import pwd
import shutil
import stat
from pathlib import Path

from local.processes.child_process import ServerFailed
from local.processes.run_as import OURSELVES, Identity

USER = "nobody"


def identity_for(*paths: Path, data: Path) -> Identity:
    """Return how to start a program that needs `paths`: as ourselves, unless we are root.

    Root starts it as the owner of `data`, which may have been made by an ordinary user, or as `nobody`.

    Raises:
        ServerFailed: a path is closed to that user, and `setpriv` is not installed.
    """
    if os.geteuid() != 0:
        return OURSELVES
    owner = _unprivileged_owner(data)
    closed = [path for path in paths if not _reachable(path, *owner)]
    if not closed:
        return Identity(owner)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed(
            f"as root, PostgreSQL runs as the user {owner[0]}, who may not enter {closed[0]}: "
            "install util-linux (setpriv), move the checkout, or run as an ordinary user"
        )
    capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    as_user = (f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups")
    return Identity(owner, prefix=(setpriv, *as_user, *capability, "--"))


def _unprivileged_owner(data: Path) -> tuple[int, int]:
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    user = pwd.getpwnam(USER)
    return user.pw_uid, user.pw_gid


def _reachable(path: Path, uid: int, gid: int) -> bool:
    return all(_may_enter(step, uid, gid) for step in [path, *path.parents] if step.exists())


def _may_enter(path: Path, uid: int, gid: int) -> bool:
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
