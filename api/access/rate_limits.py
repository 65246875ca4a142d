"""Rate limits, which charge the cost of each request to the client's budget in Redis."""

import logging
import math
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.errors import QueueUnavailable, RateLimited
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis
from common.search_query import AlbumPart, ImagePart, SearchQuery, TextPart
from common.settings import UNIT_SECONDS, UNLIMITED

log = logging.getLogger(__name__)

#: The cost of every request in units; a search that is answered from the cache has no further cost.
REQUEST_COST = 1
#: The additional cost in units of each part of a computed search, in proportion to the part's CPU time.
IMAGE_COST, TEXT_COST, ALBUM_COST = 10, 4, 1
#: The additional cost in units of a search or a count that may scan all albums.
SCAN_COST = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit: the number of units allowed in each second, minute, hour or day."""

    limit: int
    unit: str

    @property
    def window_s(self) -> int:
        return UNIT_SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.limit}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The name and the rate limit of one client's budget."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Quota:
    """The units that a client has left after a request, as sent in the `RateLimit-*` headers."""

    limit: int
    remaining: int
    #: The seconds until all units of the limit are available again.
    reset_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """The units spent in the current and the previous time window, and the seconds until each count expires.

    Units of the previous window count in proportion to that window's overlap with a window that ends now.
    """

    previous: int
    previous_s: float
    current: int
    current_s: float

    def quota(self, rate: Rate) -> Quota:
        """Return how many units are left, and in how many seconds all units are available again."""
        counted = math.floor(self.previous * self.previous_s / rate.window_s) + self.current
        # Units expire after twice the window's length, because they also count during the following window.
        reset_s = self.current_s if self.current else self.previous_s
        remaining = min(rate.limit, max(0, rate.limit - counted))
        return Quota(limit=rate.limit, remaining=remaining, reset_s=math.ceil(reset_s))

    def retry_after_s(self, cost: int, rate: Rate) -> int:
        """Return the seconds (at least 1) until a cost can be paid, if nothing else is spent until then."""
        free = rate.limit - cost - self.current
        if free >= 0:
            # The counted share of the previous window's units declines linearly and is rounded down.
            wait_s = self.previous_s - (free + 1) * rate.window_s / max(self.previous, 1)
        else:
            turn_s = max(0.0, self.current_s - rate.window_s)
            wait_s = turn_s + rate.window_s - (rate.limit - cost + 1) * rate.window_s / max(self.current, 1)
        return max(1, math.floor(wait_s) + 1)


@dataclass(frozen=True, slots=True)
class Payment:
    """The outcome of an attempt to spend units: whether it succeeded, and the units spent afterwards."""

    is_made: bool
    window: Window


class RateLimits:
    """Charges the budgets of all clients, which Redis stores."""

    def __init__(self, redis: Redis, *, on_failure: Literal["allow", "refuse"]) -> None:
        self._redis = MultiplexedRedis(redis)
        self._script = redis.register_script(files("api.access").joinpath("rate_limit.lua").read_text())
        self._on_failure = on_failure
        self._failing = False

    async def spend(self, bucket: Bucket, cost: int) -> Payment | None:
        """Spend units of a client's budget if enough units are left; a negative cost is a refund.

        Returns None if Redis fails and RATE_LIMIT_ON_FAILURE is `allow`.

        Raises:
            QueueUnavailable: RATE_LIMIT_ON_FAILURE is `refuse` and Redis fails.
        """
        rate = bucket.rate
        args = (rate.limit, rate.window_s * 1000, cost)
        try:
            reply = await self._redis.run(self._script, args, names=(f"{keyspace.RATE}{bucket.name}",))
        except (RedisError, OSError) as error:
            self._report_failure(error)
            return None
        self._failing = False
        paid, previous, previous_ms, current, current_ms = reply
        return Payment(bool(paid), Window(previous, previous_ms / 1000, current, current_ms / 1000))

    def _report_failure(self, error: Exception) -> None:
        if self._on_failure == "refuse":
            raise QueueUnavailable(f"rate limits cannot be checked now ({type(error).__name__})") from error
        if not self._failing:
            log.warning(
                "rate limits cannot be checked; all requests are allowed", extra={"error": str(error)}
            )
        self._failing = True


class Budget:
    """The budget of the client that sent one request; records the outcome of the last payment."""

    def __init__(self, limits: RateLimits, bucket: Bucket) -> None:
        self._limits = limits
        self._bucket = bucket
        self._last: Payment | None = None
        self._spent = 0

    @property
    def quota(self) -> Quota | None:
        return None if self._last is None else self._last.window.quota(self._bucket.rate)

    async def enter(self) -> None:
        """Pay for a request.

        Raises:
            RateLimited, QueueUnavailable
        """
        await self._pay(REQUEST_COST, again=REQUEST_COST)

    async def spend(self, query: SearchQuery, *, may_scan: bool) -> None:
        """Pay for computing a query; `enter` has already paid for the request.

        `may_scan` tells whether the query may scan all albums that meet its filters.

        Raises:
            RateLimited: fewer units are left than the query costs, and no unit was taken.
            QueueUnavailable: the budget could not be read from Redis.
        """
        await self._spend(cost_of(query, may_scan=may_scan))

    async def spend_scan(self) -> None:
        """Pay for a scan of all albums; `enter` has already paid for the request.

        Raises:
            RateLimited: fewer units are left than a scan costs, and no unit was taken.
            QueueUnavailable: the budget could not be read from Redis.
        """
        await self._spend(SCAN_COST)

    async def _spend(self, cost: int) -> None:
        payable = self._payable(cost)
        if payable and await self._pay(payable, again=REQUEST_COST + payable):
            self._spent = payable

    async def refund(self) -> None:
        """Give back the units that `spend` or `spend_scan` took, if Redis answers."""
        if self._spent:
            with suppress(QueueUnavailable):
                self._last = await self._limits.spend(self._bucket, -self._spent) or self._last
            self._spent = 0

    def expect(self, cost: int) -> None:
        """Refuse a request before reading its body if fewer units are left than the request will cost.

        Raises:
            RateLimited
        """
        if self._last is None:
            return
        payable, rate = self._payable(cost), self._bucket.rate
        left = self._last.window.quota(rate).remaining
        if left < payable:
            raise RateLimited(
                f"the limit is {rate} and {left} are left; this may cost {cost}",
                retry_after_s=self._last.window.retry_after_s(REQUEST_COST + payable, rate),
            )

    def _payable(self, cost: int) -> int:
        # The cost is capped, so that a full budget always pays for a search.
        return min(cost, self._bucket.rate.limit - REQUEST_COST)

    async def _pay(self, cost: int, *, again: int) -> bool:
        """Pay a cost; return False if Redis failed. `again` is the cost of repeating the whole request."""
        payment = await self._limits.spend(self._bucket, cost)
        if payment is None:
            return False
        self._last = payment
        if not payment.is_made:
            raise RateLimited(
                f"the limit is {self._bucket.rate} and this costs {cost}",
                retry_after_s=payment.window.retry_after_s(again, self._bucket.rate),
            )
        return True


class UnlimitedBudget:
    """The budget of a client without a rate limit."""

    async def spend(self, query: SearchQuery, *, may_scan: bool) -> None:
        """Take nothing."""

    async def spend_scan(self) -> None:
        """Take nothing."""

    async def refund(self) -> None:
        """Give nothing back."""

    def expect(self, cost: int) -> None:
        """Refuse nothing."""


UNLIMITED_BUDGET = UnlimitedBudget()


def read_bucket(name: str, rate: str) -> Bucket | None:
    """Parse a rate limit such as `600/minute`, and return its budget; None means `unlimited`."""
    if rate == UNLIMITED:
        return None
    limit, _, unit = rate.partition("/")
    return Bucket(name, Rate(int(limit), unit))


def cost_of(query: SearchQuery, *, may_scan: bool) -> int:
    """Return the cost of computing a search, in units."""
    return sum(_part_cost(part) for part in query.parts) + SCAN_COST * may_scan


def _part_cost(part: TextPart | ImagePart | AlbumPart) -> int:
    match part:
        case ImagePart():
            return IMAGE_COST
        case TextPart():
            return TEXT_COST
        case AlbumPart():
            return ALBUM_COST
