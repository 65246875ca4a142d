"""Computes the request figures of `/api/service` from the counts of all gateways."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from api.metrics.duration_buckets import percentile_ms
from api.metrics.store import SLOT_MS, Window

#: The maximum number of parsed names to keep in memory. All slots have about the same hundred names.
NAMES_MAX = 4096


class RequestName(NamedTuple):
    """A name such as `request GET /api/stats 2 17`, which counts requests."""

    method: str
    route: str
    status_class: str
    bucket: int


class CacheName(NamedTuple):
    """A name such as `cache hit`, which counts searches."""

    use: str


class ProblemName(NamedTuple):
    """A name such as `problem 503 queue_full`, which counts problem documents."""

    status: int
    code: str


Name: TypeAlias = RequestName | CacheName | ProblemName | None


@dataclass(slots=True)
class Requests:
    """The numbers of requests by status class, such as `2xx`, and by bucket of the duration."""

    status_classes: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.buckets.total()

    def percentile_ms(self, percent: int) -> float | None:
        """Return a percentile of the durations, or None if there are no requests."""
        return percentile_ms(self.buckets, percent)

    def add(self, name: RequestName, count: int) -> None:
        self.status_classes[name.status_class] += count
        self.buckets[name.bucket] += count


@dataclass(slots=True)
class Interval:
    """The figures of one slot."""

    #: The start of the slot, in milliseconds since the epoch.
    began_ms: int
    #: The end of the slot; the present time if the slot has not ended.
    ended_ms: int
    requests: Requests = field(default_factory=Requests)
    #: The numbers of searches by use of the cache.
    cache: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Totals:
    """The figures of a whole window."""

    requests: Requests = field(default_factory=Requests)
    #: The requests by method and route.
    by_route: defaultdict[tuple[str, str], Requests] = field(default_factory=lambda: defaultdict(Requests))
    by_status_class: defaultdict[str, Requests] = field(default_factory=lambda: defaultdict(Requests))
    #: The numbers of searches by use of the cache.
    cache: Counter[str] = field(default_factory=Counter)
    #: The numbers of problem documents by status and code.
    problems: Counter[tuple[int, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """The figures of the last five minutes, and the gateways that are alive."""

    #: The present time by the clock of Redis, in milliseconds since the epoch.
    now_ms: int
    totals: Totals
    #: The oldest interval comes first.
    intervals: tuple[Interval, ...]
    #: The announcements of the gateways.
    gateways: tuple[dict[str, Any], ...]


def figures_of(window: Window) -> RequestFigures:
    """Compute the figures of a window."""
    first = window.now_ms // SLOT_MS - len(window.slots) + 1
    return RequestFigures(
        now_ms=window.now_ms,
        totals=_totals_of(window),
        intervals=tuple(
            _interval_of(counts, began_ms=slot * SLOT_MS, now_ms=window.now_ms)
            for slot, counts in enumerate(window.slots, start=first)
        ),
        gateways=window.gateways,
    )


def _totals_of(window: Window) -> Totals:
    counts: Counter[str] = Counter()
    for slot in window.slots:
        counts.update(slot)
    totals = Totals()
    for name, count in counts.items():
        match _parsed(name):
            case RequestName() as request:
                route = request.method, request.route
                groups = (totals.by_route[route], totals.by_status_class[request.status_class])
                for requests in (totals.requests, *groups):
                    requests.add(request, count)
            case CacheName(use):
                totals.cache[use] += count
            case ProblemName(status, code):
                totals.problems[status, code] += count
    return totals


def _interval_of(counts: Mapping[str, int], *, began_ms: int, now_ms: int) -> Interval:
    interval = Interval(began_ms, min(began_ms + SLOT_MS, now_ms))
    for name, count in counts.items():
        parsed = _parsed(name)
        if isinstance(parsed, RequestName):
            interval.requests.add(parsed, count)
        elif isinstance(parsed, CacheName):
            interval.cache[parsed.use] += count
    return interval


@lru_cache(NAMES_MAX)
def _parsed(name: str) -> Name:
    """Return the parts of a count's name, or None if the name has a form that only newer gateways use."""
    match name.split(" "):
        case ["request", method, route, digit, bucket]:
            return RequestName(method, route, f"{digit}xx", int(bucket))
        case ["cache", use]:
            return CacheName(use)
        case ["problem", status, code]:
            return ProblemName(int(status), code)
    return None
