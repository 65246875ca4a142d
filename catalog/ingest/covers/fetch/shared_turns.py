"""Reserves the times of the requests to one host for all processes of this machine.

A host that limits the requests of an address counts the requests of all processes together. The processes
share a file, which contains the earliest time of the next request in seconds since the epoch.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from common.errors import SettingsError

#: A reserved time that is further away, in seconds, comes from a clock that was set back, and is ignored.
_FARTHEST_S = 60.0


class SharedTurns:
    """The turns of the requests to one host, at most `per_s` each second; thread-safe."""

    def __init__(self, path: Path, per_s: float, *, clock: Callable[[], float] = time.time) -> None:
        """Create the file if it does not exist.

        Raises:
            SettingsError: the file cannot be written or locked.
        """
        self._path = path
        self._interval_s = 1 / per_s
        self._clock = clock
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise self._unusable(error) from error

    def delay_s(self) -> float:
        """Reserve the time of the next request, and return the seconds to wait before sending it.

        Raises:
            SettingsError: the file cannot be written or locked.
        """
        try:
            # The file is created again if somebody has removed it.
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644), "r+") as file:
                # Closing the file releases the lock. The lock is held for much less than a millisecond.
                fcntl.flock(file, fcntl.LOCK_EX)
                now = self._clock()
                turn = max(now, self._earliest(file.read(), now))
                file.seek(0)
                file.truncate()
                file.write(repr(turn + self._interval_s))
        except OSError as error:
            raise self._unusable(error) from error
        return turn - now

    def _earliest(self, text: str, now: float) -> float:
        try:
            earliest = float(text)
        except ValueError:
            # The file is new, or a process was killed while it wrote; the next request may be sent now.
            return now
        return earliest if earliest <= now + _FARTHEST_S else now

    def _unusable(self, error: OSError) -> SettingsError:
        return SettingsError(
            f"{self._path}: the file that limits the requests of this machine cannot be used "
            f"({error.strerror}); set MODEL_CACHE_DIR to a writable folder on a local disk"
        )
