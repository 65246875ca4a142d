"""As which user a server's process runs, and that it ends with ours."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.processes.spawn import tied


@dataclass(frozen=True, slots=True)
class Identity:
    """As which user, or behind which prefix that changes the user, a command starts.

    `owner` is who that user is, None where it is ourselves.
    """

    owner: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()

    def applied_to(self, command: Sequence[str], *, death_signal: signal.Signals) -> list[str]:
        """Return a command that becomes the given one as that user; it is signalled when we are killed."""
        # Behind a prefix the user has changed already.
        uid, gid = (None, None) if self.owner is None or self.prefix else self.owner
        return [*self.prefix, *tied(command, death_signal=death_signal, uid=uid, gid=gid)]

    def own(self, path: Path) -> None:
        """Give the user `path` and, if it is a folder, all in it."""
        if self.owner is not None:
            for entry in [path, *path.rglob("*")]:
                os.chown(entry, *self.owner, follow_symlinks=False)


OURSELVES = Identity()
