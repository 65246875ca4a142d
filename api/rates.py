"""How much a client may ask for: what a request costs, and the windows from which it is paid."""

import asyncio
import logging
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.rate_storage import PipelinedStorage
from common.errors import QueueUnavailable, RateLimited
from common.queries import AlbumPart, ImagePart, SearchQuery, TextPart
from common.settings import UNLIMITED

log = logging.getLogger(__name__)

#: What every request costs, and all that an answer from the cache does.
REQUEST_COST = 1
#: What a search costs that has to be computed, by its parts: as an image, a text and an album weigh on a CPU.
IMAGE_COST, TEXT_COST, ALBUM_COST = 10, 4, 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """One client's share: its name, and the rate at which it fills."""

    name: str
    rate: RateLimitItem


@dataclass(frozen=True, slots=True)
class Window:
    """What a client has spent in this window and in the one before, of which less and less counts."""

    previous: int
    previous_s: float
    current: int
    current_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client stands after a request."""

    limit: int
    remaining: int
    #: Until all of the limit is free again.
    reset_s: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What came of an attempt to spend, and the window as it is after it."""

    is_made: bool
    window: Window
    rate: RateLimitItem

    @property
    def standing(self) -> Standing:
        return standing(self.window, limit=self.rate.amount, expiry_s=self.rate.get_expiry())

    def retry_after_s(self, cost: int) -> int:
        """Return in how many seconds so much could be spent."""
        return retry_after_s(self.window, limit=self.rate.amount, expiry_s=self.rate.get_expiry(), cost=cost)


class RateLimits:
    """The rate limits of every client."""

    def __init__(self, redis: Redis, *, on_failure: Literal["allow", "refuse"]) -> None:
        self._storage = PipelinedStorage(redis)
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._on_failure = on_failure
        self._failing = False

    async def spend(self, bucket: Bucket, cost: int) -> Payment | None:
        """Take the cost out of a bucket if it holds as much; None where Redis fails and that is allowed.

        A cost below zero is given back.

        Raises:
            QueueUnavailable: Redis does not say, and RATE_LIMIT_ON_FAILURE is `refuse`.
        """
        rate, expiry_s = bucket.rate, bucket.rate.get_expiry()
        try:
            # Both go in one round trip, in this order.
            is_made, found = await asyncio.gather(
                self._limiter.hit(rate, bucket.name, cost=cost),
                self._storage.get_sliding_window(rate.key_for(bucket.name), expiry_s),
            )
        except (RedisError, OSError) as error:
            self._tell_failure(error)
            return None
        self._failing = False
        return Payment(is_made, Window(*found), rate)

    def _tell_failure(self, error: Exception) -> None:
        if self._on_failure == "refuse":
            raise QueueUnavailable(f"rate limits cannot be checked now ({type(error).__name__})") from error
        if not self._failing:
            log.warning("rate limits cannot be checked; all is let through", extra={"error": str(error)})
        self._failing = True


class Budget:
    """What one request may spend, and how its client stands."""

    def __init__(self, limits: RateLimits, bucket: Bucket) -> None:
        self._limits = limits
        self._bucket = bucket
        self._last: Payment | None = None
        self._spent = 0

    @property
    def standing(self) -> Standing | None:
        return None if self._last is None else self._last.standing

    async def enter(self) -> None:
        """Pay for a request.

        Raises:
            RateLimited, QueueUnavailable
        """
        await self._pay(REQUEST_COST, again=REQUEST_COST)

    async def spend(self, cost: int) -> None:
        """Pay for what a request makes the service do, beside the request itself.

        Raises:
            RateLimited: there is not so much; nothing was taken.
            QueueUnavailable: whether there is cannot be told.
        """
        payable = self._payable(cost)
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
        payable, left = self._payable(cost), self._last.standing.remaining
        if left < payable:
            raise RateLimited(
                f"the limit is {shown(self._bucket.rate)}, of which {left} are left; this may cost {cost}",
                retry_after_s=self._last.retry_after_s(REQUEST_COST + payable),
            )

    def _payable(self, cost: int) -> int:
        # Nobody could ever pay more than a whole window, less the request.
        return min(cost, self._bucket.rate.amount - REQUEST_COST)

    async def _pay(self, cost: int, *, again: int) -> bool:
        """Pay, unless nobody counts; `again` is what the same request would cost from its start."""
        payment = await self._limits.spend(self._bucket, cost)
        if payment is None:
            return False
        self._last = payment
        if not payment.is_made:
            raise RateLimited(
                f"the limit is {shown(self._bucket.rate)} and this costs {cost}",
                retry_after_s=payment.retry_after_s(again),
            )
        return True


def read_bucket(name: str, rate: str) -> Bucket | None:
    """Return a bucket, None for one without a limit."""
    return None if rate == UNLIMITED else Bucket(name, parse(rate))


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


def shown(rate: RateLimitItem) -> str:
    """Return a rate as it is set."""
    return f"{rate.amount}/{rate.GRANULARITY.name}"


def standing(window: Window, *, limit: int, expiry_s: int) -> Standing:
    """Return what a window leaves of a limit."""
    counted = math.floor(window.previous * window.previous_s / expiry_s) + window.current
    # The current window is kept for twice its length: in its second half it is the previous one.
    reset_s = window.current_s if window.current else window.previous_s
    return Standing(limit=limit, remaining=min(limit, max(0, limit - counted)), reset_s=math.ceil(reset_s))


def retry_after_s(window: Window, *, limit: int, expiry_s: int, cost: int) -> int:
    """Return after how many whole seconds, at least one, a cost fits if nothing else is spent meanwhile."""
    room = limit - cost - window.current
    if room >= 0:
        # What counts of the previous window sinks evenly to nothing, and only whole units of it count.
        wait_s = window.previous_s - (room + 1) * expiry_s / max(window.previous, 1)
    else:
        turn_s = max(0.0, window.current_s - expiry_s)
        wait_s = turn_s + expiry_s - (limit - cost + 1) * expiry_s / max(window.current, 1)
    return max(1, math.floor(wait_s) + 1)
