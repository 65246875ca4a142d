"""Who a server runs as when this process is root and the server refuses to be.

PostgreSQL does not run as root. It then runs as `nobody`, which must be able to reach its programs
and its data; where a folder on the way is closed (a checkout under `/root`), it is given the one
capability that opens folders, and nothing else of root's.
"""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from local.servers.child import ServerFailed

USER = "nobody"


@dataclass(frozen=True, slots=True)
class Identity:
    """As which user, or behind which prefix that changes the user, a command starts.

    `owner` is who that user is, None where it is ourselves.
    """

    owner: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()

    @property
    def uid(self) -> int | None:
        return None if self.owner is None or self.prefix else self.owner[0]

    @property
    def gid(self) -> int | None:
        return None if self.owner is None or self.prefix else self.owner[1]

    def own(self, path: Path) -> None:
        """Give the user `path` and, if it is a folder, all in it."""
        if self.owner is not None:
            for entry in [path, *path.rglob("*")]:
                os.chown(entry, *self.owner, follow_symlinks=False)


def identity_for(*paths: Path) -> Identity:
    """Return how to start a program that needs `paths`: as ourselves, or as `nobody` if we are root.

    Raises:
        ServerFailed: we are root, a path is closed to `nobody`, and `setpriv` is not installed.
    """
    if os.geteuid() != 0:
        return Identity()
    user = pwd.getpwnam(USER)
    closed = [path for path in paths if not _reachable(path, user.pw_uid, user.pw_gid)]
    if not closed:
        return Identity((user.pw_uid, user.pw_gid))
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed(
            f"as root, PostgreSQL runs as the user {USER}, who may not enter {closed[0]}: "
            "install util-linux (setpriv), move the checkout, or run as an ordinary user"
        )
    capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    as_user = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return Identity((user.pw_uid, user.pw_gid), prefix=(setpriv, *as_user, *capability, "--"))


def _reachable(path: Path, uid: int, gid: int) -> bool:
    return all(_may_enter(step, uid, gid) for step in [path, *path.parents] if step.exists())


def _may_enter(path: Path, uid: int, gid: int) -> bool:
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
