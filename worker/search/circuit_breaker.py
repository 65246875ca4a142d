"""The circuit breaker before the catalog: one that does not answer is asked by one call at a time.

closed ──► open       so many calls in a row failed with what may pass
open ──► half-open    its pause is over: the next call goes through, alone
half-open ──► closed  it was answered, be it with a refusal    ──► open  it was not

A call that is turned away fails like one that was made; whoever tries again within a job's deadline
waits for the catalog without adding to its load.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from common.errors import CatalogUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Failures in a row that open it; fewer may be a blink.
OPEN_AFTER = 5
#: How long it stays open, in seconds, drawn anew each time: workers do not ask all at once.
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 1.5


class CircuitBreaker:
    """Lets calls through or turns them away; thread-safe."""

    def __init__(
        self, *, open_after: int = OPEN_AFTER, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_after = open_after
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._failures = 0
        #: When the next call may go through; None while closed.
        self._next_call_at: float | None = None
        self._probing = False
        self._reason = ""

    def call(self, call: Callable[[], T]) -> T:
        """Make the call, or fail at once.

        Raises:
            CatalogUnavailable: the call's own, or the last failure's words where it was not made.
        """
        probes = self._admit()
        try:
            value = call()
        except CatalogUnavailable as error:
            self._failed(error)
            raise
        except BaseException:
            # A refusal is an answer: the catalog is there.
            self._answered()
            raise
        else:
            self._answered()
            return value
        finally:
            if probes:
                self._probing = False

    def _admit(self) -> bool:
        """Let the call through or raise; return whether it is the one that probes."""
        with self._lock:
            if self._next_call_at is None:
                return False
            if self._probing or self._clock_s() < self._next_call_at:
                raise CatalogUnavailable(self._reason)
            self._probing = True
            return True

    def _failed(self, error: CatalogUnavailable) -> None:
        with self._lock:
            self._failures += 1
            self._reason = error.detail
            if self._failures < self._open_after:
                return
            if self._next_call_at is None:
                log.warning("the catalog's breaker opens", extra={"error": error.detail})
            self._next_call_at = self._clock_s() + _pause_s()

    def _answered(self) -> None:
        with self._lock:
            if self._next_call_at is not None:
                log.info("the catalog's breaker closes", extra={"failures": self._failures})
            self._failures = 0
            self._next_call_at = None


def _pause_s() -> float:
    return random.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)  # noqa: S311 - jitter, not a secret
