"""The rate at which each host is asked: it falls where the host refuses, and recovers.

a request ──► answered         a hundredth faster, up to --per-host
   ├────────► 429 or 503       a pause as long as the host asks for, then at the rate that it did answer
   └────────► failed           counted; a host that fails for long is left alone for a minute
"""

import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable

from catalog.ingest.rejection import RowFault

#: Requests a second to one host, unless --per-host says otherwise.
PER_HOST = 10.0
RATE_MIN = 0.1
#: After each answer the rate grows by this factor.
_GROWTH = 1.01
#: Requests whose share of answers is the share of the rate that the host can bear.
_RECENT = 20
#: Where a host refuses and says no time: the first wait and the longest; each doubles the one before.
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
#: A host that asks for a longer wait is not waited for.
RETRY_AFTER_MAX_S = 120.0
#: A host that has failed so often in a row, and for so long, is left alone for so long. Quotas of a minute
#: are waited for.
FAILURES_MAX, PATIENCE_S, LEFT_ALONE_S = 5, 90.0, 60.0

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|second|m|minute|h|hour))?")
_SECONDS = {"s": 1.0, "second": 1.0, "m": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}


class HostRate:
    """When one host may be asked next; any thread may call it.

    A failure is told with the moment when its request began, so that the failures of requests that were
    under way together count as one.
    """

    def __init__(self, host: str, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        #: The address that took the last connection.
        self.reached: str | None = None
        self._lock = threading.Lock()
        self._rate_max = per_s
        self._rate = per_s
        self._next_at = 0.0
        self._paused_until = 0.0
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        #: In a row, and when the first and the last of them were.
        self._failures = 0
        self._failing_since = 0.0
        self._failed_at = -1.0
        self._answered_at = clock()

    def delay_s(self) -> float:
        """Take a turn and return how long to wait for it.

        Raises:
            RowFault: the host is not to be asked for longer than a cover waits.
        """
        pause_s = self.pause_s()
        with self._lock:
            now = self._clock()
            if self._failures >= FAILURES_MAX and now - self._failing_since >= PATIENCE_S:
                # One request goes, and finds out; for the others the host has failed.
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
        """Return for how much longer the host has asked to be left alone.

        Raises:
            RowFault: for longer than a cover waits.
        """
        with self._lock:
            left_s = max(0.0, self._paused_until - self._clock())
        if left_s > RETRY_AFTER_MAX_S:
            raise RowFault("cover_unreachable", f"{self._host} asks to be left alone for {left_s:.0f} s")
        return left_s

    def has_answered_since(self, moment: float) -> bool:
        """Say whether anybody has had an answer from the host since then."""
        return self._answered_at > moment

    def answered(self) -> None:
        """Count an answer, whatever it says."""
        with self._lock:
            self._recent.append(True)
            self._failures = 0
            self._answered_at = self._clock()
            self._rate = min(self._rate_max, self._rate * _GROWTH)

    def refused(self, began_at: float, wait_s: float | None, *, again: bool) -> None:
        """Wait as long as a 429 or 503 says, and slow down unless the same cover was refused before."""
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
        """Count a request that came to nothing."""
        with self._lock:
            self._count_failure(began_at)

    def _count_failure(self, began_at: float) -> bool:
        """Count a failure unless it was under way together with one that is counted; say whether it was."""
        if began_at <= self._failed_at:
            return False
        self._failed_at = self._clock()
        self._failing_since = self._failing_since if self._failures else self._failed_at
        self._failures += 1
        return True


class HostRates:
    """The rate of every host."""

    def __init__(self, per_host: float) -> None:
        self._per_host = per_host
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._hosts: dict[str, HostRate] = {}

    def of(self, host: str) -> HostRate:
        with self._lock:
            return self._hosts.setdefault(host, HostRate(host, self._per_host))

    def wait(self, host: HostRate, *, behind: bool = False) -> float:
        """Wait for a turn, if need be behind all that wait now, and return for how long.

        Raises:
            RowFault: there is none to wait for.
        """
        began_at = time.monotonic()
        if behind:
            self.sleep(host.pause_s())
        self.sleep(host.delay_s())
        while host.pause_s():
            self.sleep(host.delay_s())
        return time.monotonic() - began_at

    def sleep(self, time_s: float) -> None:
        """Sleep, unless waiting has been ended.

        Raises:
            RowFault: it has.
        """
        if self._closed.wait(time_s):
            raise RowFault("cover_unreachable", "it was not fetched any more")

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._closed.set()


def read_rate(value: str) -> float:
    """Return a rate in requests a second: `4`, `4/s`, `30/minute`.

    Raises:
        ValueError: it is none.
    """
    found = _RATE.fullmatch(value.strip())
    if not found or not float(found[1]):
        raise ValueError(f"a rate such as 4, 4/s or 30/minute, not {value!r}")
    return float(found[1]) / _SECONDS[found[2] or "s"]
