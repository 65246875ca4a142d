"""Counts the requests that this gateway answers, by route, status class and duration."""

from collections import Counter
from typing import Literal, TypeAlias

from api.metrics.duration_buckets import bucket_of

#: The use of the cache for a search, as in the header `X-Cache`.
CacheUse: TypeAlias = Literal["hit", "miss", "coalesced"]

#: The methods that are counted separately. All other methods are counted together, because clients may send
#: many of them.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHODS = "_OTHER"
#: The route of a request that has no route, or that was answered before its route was known.
NO_ROUTE = "-"

_Request: TypeAlias = tuple[str, str, int, int]


class RequestRecorder:
    """Counts requests, searches and problem documents until the next report.

    Each count has a name; Redis adds up the counts of all gateways that have the same name:

    request GET /api/stats 2 17    requests by method, route, first digit of the status, and duration bucket
    cache hit                      accepted searches by `CacheUse`
    problem 503 queue_full         problem documents by status and code
    """

    def __init__(self) -> None:
        self._requests: dict[_Request, int] = {}
        self._cache_uses: dict[CacheUse, int] = {}
        self._problems: dict[tuple[int, str], int] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float, /) -> None:
        """Count an answered request; the arguments are positional, because keywords would take longer."""
        request = (method, route, status // 100, bucket_of(seconds))
        self._requests[request] = self._requests.get(request, 0) + 1

    def count_cache_use(self, use: CacheUse) -> None:
        """Count an accepted search."""
        self._cache_uses[use] = self._cache_uses.get(use, 0) + 1

    def count_problem(self, *, status: int, code: str) -> None:
        """Count a problem document."""
        self._problems[status, code] = self._problems.get((status, code), 0) + 1

    def take(self) -> dict[str, int]:
        """Return the counts by name, and set all counts to zero."""
        counts: Counter[str] = Counter()
        for (method, route, status_digit, bucket), count in self._requests.items():
            known = method if method in _METHODS else OTHER_METHODS
            counts[f"request {known} {route} {status_digit} {bucket}"] += count
        for use, count in self._cache_uses.items():
            counts[f"cache {use}"] = count
        for (status, code), count in self._problems.items():
            counts[f"problem {status} {code}"] = count
        for taken in (self._requests, self._cache_uses, self._problems):
            taken.clear()
        return counts
