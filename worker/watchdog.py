"""Ends a process whose model thread has stalled, so that its supervisor starts a fresh one.

Under `-P threads` Celery's time limits do nothing: nobody else would notice a forward pass that never
returns, and the worker would keep its leases for ever.
"""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

#: Exit status of a process that the watchdog ended (EX_SOFTWARE of sysexits.h).
STALLED_STATUS = 70


class Watchdog:
    """Looks every second at how long the running batch has taken."""

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
                # Threads cannot be killed: only the end of the process frees its leases.
                os._exit(STALLED_STATUS)
