"""Ends a worker process whose model thread has stalled, so that the process's supervisor restarts it.

Celery's time limits cannot end a stalled run, because they have no effect in Celery's thread pool. Without
the watchdog, a worker whose forward pass never returns would renew its leases for ever.
"""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

#: The exit status of a process that the watchdog ended (EX_SOFTWARE of sysexits.h).
STALLED_STATUS = 70


class Watchdog:
    """Checks every second how long the oldest running batch has taken, and ends a stalled process."""

    def __init__(self, running_s: Callable[[], float], *, limit_s: float) -> None:
        self._running_s = running_s
        self._limit_s = limit_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            stalled_s = self._running_s()
            if stalled_s > self._limit_s:
                log.critical("the model thread has stalled; ending", extra={"stalled_s": round(stalled_s, 1)})
                # Python cannot kill a thread, so only ending the process stops the renewal of leases.
                os._exit(STALLED_STATUS)
