"""The circuit breaker for catalog calls: while the catalog does not answer, only single test calls are made.

- The breaker opens when `OPEN_AFTER` calls in a row have failed with a transient error.
- After a pause, the open breaker becomes half-open and lets one test call through.
- The half-open breaker closes if the catalog answers the test call, even with an error, or else opens again.

While the breaker is open, calls fail at once with the last error, so that retries within a job's deadline do
not add load to the catalog.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from common.errors import CatalogTimeout, CatalogUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The number of consecutive failures that opens the breaker.
OPEN_AFTER = 5
#: The minimum and maximum seconds of the pause, which is random so that the workers do not all call the
#: catalog at the same time.
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 1.5


class CircuitBreaker:
    """Makes calls to the catalog, or refuses them while the catalog does not answer; thread-safe."""

    def __init__(
        self, *, open_after: int = OPEN_AFTER, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_after = open_after
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._failures = 0
        #: The time at which the next call is allowed; None while the breaker is closed.
        self._next_call_at: float | None = None
        self._probing = False
        self._reason = ""

    def call(self, call: Callable[[], T], *, is_costly: bool = False) -> T:
        """Make the call, or fail at once if the breaker is open.

        A costly call that ends with a timeout does not count, because the catalog may still answer other
        calls in time.

        Raises:
            CatalogUnavailable: the call failed, or was refused while the breaker is open; the message
                describes the last failure.
        """
        is_probe = self._admit()
        try:
            value = call()
        except CatalogUnavailable as error:
            if not (is_costly and isinstance(error, CatalogTimeout)):
                self._failed(error)
            raise
        except BaseException:
            # Any other error is an answer of the catalog, which is therefore reachable.
            self._answered()
            raise
        else:
            self._answered()
            return value
        finally:
            if is_probe:
                self._probing = False

    def _admit(self) -> bool:
        """Raise an error if calls are not allowed now, else return whether this call is the test call."""
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
