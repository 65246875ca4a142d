"""How much a client may ask for: what a request costs, and the budget from which it is paid."""

import logging
import math
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.errors import QueueUnavailable, RateLimited
from common.queries import AlbumPart, ImagePart, SearchQuery, TextPart
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis
from common.settings import UNIT_SECONDS, UNLIMITED

log = logging.getLogger(__name__)

#: What every request costs, and all that an answer from the cache does.
REQUEST_COST = 1
#: What a search costs that has to be computed, by its parts: as an image, a text and an album weigh on a CPU.
IMAGE_COST, TEXT_COST, ALBUM_COST = 10, 4, 1


@dataclass(frozen=True, slots=True)
class Rate:
    """So many units in each second, minute, hour or day."""

    limit: int
    unit: str

    @property
    def window_s(self) -> int:
        return UNIT_SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.limit}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One client's budget: its name, and its rate."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Quota:
    """What a client has left after a request, as the `RateLimit-*` headers tell it."""

    limit: int
    remaining: int
    #: Until all of the limit is free again.
    reset_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """Units spent in the current and in the previous window, and the seconds until each counts nothing.

    The previous window's units count by the share of it that a window ending now overlaps.
    """

    previous: int
    previous_s: float
    current: int
    current_s: float

    def quota(self, rate: Rate) -> Quota:
        """Return what is left of the rate."""
        counted = math.floor(self.previous * self.previous_s / rate.window_s) + self.current
        # The current window is kept for twice its length: in its second half it is the previous one.
        reset_s = self.current_s if self.current else self.previous_s
        remaining = min(rate.limit, max(0, rate.limit - counted))
        return Quota(limit=rate.limit, remaining=remaining, reset_s=math.ceil(reset_s))

    def retry_after_s(self, cost: int, rate: Rate) -> int:
        """Return in how many whole seconds, at least one, a cost fits if nothing else is spent."""
        free = rate.limit - cost - self.current
        if free >= 0:
            # Only whole units of the previous window count, and they decline evenly to none.
            wait_s = self.previous_s - (free + 1) * rate.window_s / max(self.previous, 1)
        else:
            turn_s = max(0.0, self.current_s - rate.window_s)
            wait_s = turn_s + rate.window_s - (rate.limit - cost + 1) * rate.window_s / max(self.current, 1)
        return max(1, math.floor(wait_s) + 1)


@dataclass(frozen=True, slots=True)
class Payment:
    """What came of an attempt to spend, and the window after it."""

    is_made: bool
    window: Window


class RateLimits:
    """The budgets of all clients, in Redis."""

    def __init__(self, redis: Redis, *, on_failure: Literal["allow", "refuse"]) -> None:
        self._redis = MultiplexedRedis(redis)
        self._script = redis.register_script(files("api.access").joinpath("rate_limit.lua").read_text())
        self._on_failure = on_failure
        self._failing = False

    async def spend(self, bucket: Bucket, cost: int) -> Payment | None:
        """Take the cost out of a bucket if it holds as much; None where Redis fails and that is allowed.

        A cost below zero is given back.

        Raises:
            QueueUnavailable: Redis does not say, and RATE_LIMIT_ON_FAILURE is `refuse`.
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
            log.warning("rate limits cannot be checked; all is let through", extra={"error": str(error)})
        self._failing = True


class Budget:
    """What one request may spend, and its client's quota."""

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

    async def spend(self, query: SearchQuery) -> None:
        """Pay for computing a query, beside the request itself.

        Raises:
            RateLimited: the budget is too small; nothing was taken.
            QueueUnavailable: Redis does not say how large it is.
        """
        payable = self._payable(cost_of(query))
        if payable and await self._pay(payable, again=REQUEST_COST + payable):
            self._spent = payable

    async def refund(self) -> None:
        """Give back what `spend` took, if that can be counted now."""
        if self._spent:
            with suppress(QueueUnavailable):
                self._last = await self._limits.spend(self._bucket, -self._spent) or self._last
            self._spent = 0

    def expect(self, cost: int) -> None:
        """Refuse early what could not be paid for later.

        Raises:
            RateLimited
        """
        if self._last is None:
            return
        payable, rate = self._payable(cost), self._bucket.rate
        left = self._last.window.quota(rate).remaining
        if left < payable:
            raise RateLimited(
                f"the limit is {rate}, of which {left} are left; this may cost {cost}",
                retry_after_s=self._last.window.retry_after_s(REQUEST_COST + payable, rate),
            )

    def _payable(self, cost: int) -> int:
        # Nobody could ever pay more than a whole window, less the request.
        return min(cost, self._bucket.rate.limit - REQUEST_COST)

    async def _pay(self, cost: int, *, again: int) -> bool:
        """Pay, unless nobody counts; `again` is what the same request would cost from its start."""
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
    """The budget of a client without a limit."""

    async def spend(self, query: SearchQuery) -> None:
        """Take nothing."""

    async def refund(self) -> None:
        """Give nothing back."""

    def expect(self, cost: int) -> None:
        """Refuse nothing."""


UNLIMITED_BUDGET = UnlimitedBudget()


def read_bucket(name: str, rate: str) -> Bucket | None:
    """Return a bucket, None for one without a limit."""
    if rate == UNLIMITED:
        return None
    limit, _, unit = rate.partition("/")
    return Bucket(name, Rate(int(limit), unit))


def cost_of(query: SearchQuery) -> int:
    """Return what it costs to compute a search."""
    return sum(_part_cost(part) for part in query.parts)


def _part_cost(part: TextPart | ImagePart | AlbumPart) -> int:
    match part:
        case ImagePart():
            return IMAGE_COST
        case TextPart():
            return TEXT_COST
        case AlbumPart():
            return ALBUM_COST
