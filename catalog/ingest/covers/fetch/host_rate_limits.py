"""Limits the request rate for each host; the rate falls when the host answers 429 or 503, and then recovers.

a request ──► answered         the rate grows by one percent, up to --per-host
   ├────────► 429 or 503       a pause of Retry-After, then the rate at which the host did answer
   └────────► failed           counted; a host that fails for 90 s gets one request a minute
"""

import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable

from catalog.ingest.covers.fetch.shared_turns import SharedTurns
from catalog.ingest.rejection import RowFault

#: The default of --per-host, in requests per second.
PER_HOST = 10.0
RATE_MIN = 0.1
#: The factor by which the rate grows after each response.
_GROWTH = 1.01
#: The number of recent requests from which the accepted rate is estimated, by the share that was answered.
_RECENT = 20
#: The first and the longest wait, in seconds, after a 429 or 503 without Retry-After; each wait is twice the
#: previous wait.
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
#: The longest Retry-After, in seconds, that is obeyed; a cover whose host asks for a longer wait is rejected.
RETRY_AFTER_MAX_S = 120.0
#: After FAILURES_MAX failures in a row that span at least PATIENCE_S seconds, a host gets only one request
#: per LEFT_ALONE_S seconds. PATIENCE_S is more than a minute, so that requests continue to a host with a
#: quota per minute.
FAILURES_MAX, PATIENCE_S, LEFT_ALONE_S = 5, 90.0, 60.0

_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:/(s|second|m|minute|h|hour))?")
_SECONDS = {"s": 1.0, "second": 1.0, "m": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}


class HostRate:
    """The rate limit of one host; thread-safe.

    A failure is reported with the start time of its request, so that concurrent requests that fail together
    count as one failure.
    """

    def __init__(self, host: str, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        #: The address that accepted the last connection, or None before the first connection.
        self.reached: str | None = None
        self._lock = threading.Lock()
        self._rate_max = per_s
        self._rate = per_s
        self._next_at = 0.0
        self._paused_until = 0.0
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        #: The number of failures in a row, and the times of the first and the last failure.
        self._failures = 0
        self._failing_since = 0.0
        self._failed_at = -1.0
        self._answered_at = clock()

    def delay_s(self) -> float:
        """Reserve the time of the next request and return the wait, in seconds, before sending it.

        Raises:
            RowFault: the host is failing, or asks for too long a pause.
        """
        pause_s = self.pause_s()
        with self._lock:
            now = self._clock()
            if self._failures >= FAILURES_MAX and now - self._failing_since >= PATIENCE_S:
                # One request tests whether the host works again; all other requests fail immediately.
                if now < self._next_at:
                    raise RowFault(
                        "cover_unreachable", f"{self._host} has answered nothing for {PATIENCE_S:g} s"
                    )
                self._next_at = now + LEFT_ALONE_S
                return 0.0
            turn = max(now + pause_s, self._next_at)
            self._next_at = turn + 1 / self._rate
            return turn - now

    def pause_s(self) -> float:
        """Return the remaining seconds of the pause that the host asked for.

        Raises:
            RowFault: the remaining pause is longer than RETRY_AFTER_MAX_S.
        """
        with self._lock:
            left_s = max(0.0, self._paused_until - self._clock())
        if left_s > RETRY_AFTER_MAX_S:
            raise RowFault(
                "cover_unreachable", f"{self._host} asked for a pause of {left_s:.0f} more seconds"
            )
        return left_s

    def has_answered_since(self, moment: float) -> bool:
        """Return whether the host has answered any request since `moment`."""
        return self._answered_at > moment

    def answered(self) -> None:
        """Count a response of any status except 429 and 503."""
        with self._lock:
            self._recent.append(True)
            self._failures = 0
            self._answered_at = self._clock()
            self._rate = min(self._rate_max, self._rate * _GROWTH)

    def refused(self, began_at: float, wait_s: float | None, *, again: bool) -> None:
        """Pause after a 429 or 503, and lower the rate unless the same cover was refused before (`again`)."""
        with self._lock:
            now = self._clock()
            if not again:
                self._recent.append(False)
            if self._count_failure(began_at) and not again:
                share = self._recent.count(True) / len(self._recent)
                self._rate = max(min(RATE_MIN, self._rate_max), self._rate * max(share, 0.5))
            if not wait_s:
                longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failures - 1, 10))
                wait_s = random.uniform(longest_s / 2, longest_s)  # noqa: S311 - no secret
            self._paused_until = max(self._paused_until, now + wait_s)
            self._next_at = max(self._next_at, self._paused_until)

    def failed(self, began_at: float) -> None:
        """Count a request that failed."""
        with self._lock:
            self._count_failure(began_at)

    def _count_failure(self, began_at: float) -> bool:
        """Count a failure unless its request began before the last failure; return whether it was counted."""
        if began_at <= self._failed_at:
            return False
        self._failed_at = self._clock()
        self._failing_since = self._failing_since if self._failures else self._failed_at
        self._failures += 1
        return True


class HostRates:
    """The rate limits of all hosts; with `turns`, they hold for all processes of this machine together."""

    def __init__(self, per_host: float, *, turns: SharedTurns | None = None) -> None:
        self._per_host = per_host
        self._turns = turns
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._hosts: dict[str, HostRate] = {}

    def of(self, host: str) -> HostRate:
        with self._lock:
            return self._hosts.setdefault(host, HostRate(host, self._per_host))

    def wait(self, host: HostRate, *, behind: bool = False) -> float:
        """Wait until a request to the host is allowed, and return the seconds waited.

        With `behind`, the new request lets requests that are already waiting go first.

        Raises:
            RowFault: the host is failing, or asks for too long a pause.
        """
        began_at = time.monotonic()
        if behind:
            self.sleep(host.pause_s())
        self.sleep(host.delay_s())
        while host.pause_s():
            self.sleep(host.delay_s())
        if self._turns is not None:
            self.sleep(self._turns.delay_s())
        return time.monotonic() - began_at

    def sleep(self, time_s: float) -> None:
        """Sleep for `time_s` seconds.

        Raises:
            RowFault: `close` was called.
        """
        if self._closed.wait(time_s):
            raise RowFault("cover_unreachable", "it was not fetched any more")

    def close(self) -> None:
        """End all waits immediately; the waiting requests fail."""
        self._closed.set()


def read_rate(value: str) -> float:
    """Return a rate in requests per second from `4`, `4/s` or `30/minute`.

    Raises:
        ValueError: the text is not a rate.
    """
    found = _RATE.fullmatch(value.strip())
    if not found or not float(found[1]):
        raise ValueError(f"a rate such as 4, 4/s or 30/minute, not {value!r}")
    return float(found[1]) / _SECONDS[found[2] or "s"]
