"""Where the `limits` library keeps its windows: our Redis, by its own scripts, over the shared round trips.

Of its strategies the sliding window counter is used: check and count are one script, by Redis's clock.
"""

from typing import Any

from limits.aio.storage import SlidingWindowCounterSupport, Storage
from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from common import keys
from common.pipelining import PipelinedRedis


class PipelinedStorage(Storage, SlidingWindowCounterSupport):
    """The library's storage for one strategy; its own would open connections of its own."""

    STORAGE_SCHEME = None

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis = PipelinedRedis(redis)
        self._acquire = redis.register_script(RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW)
        self._look = redis.register_script(RedisBridge.SCRIPT_SLIDING_WINDOW)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (RedisError, OSError)

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return bool(await self._redis.run(self._acquire, (limit, expiry, amount), names=_windows(key)))

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        reply = await self._redis.run(self._look, (expiry,), names=_windows(key))
        previous, previous_ms, current, current_ms = (int(value or 0) for value in reply)
        return previous, max(previous_ms, 0) / 1000, current, max(current_ms, 0) / 1000

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - the library's
        await self._redis.execute("DEL", *_windows(key))

    async def check(self) -> bool:
        return bool(await self._redis.execute("PING"))

    # What follows belongs to strategies that are not used.

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    async def get(self, key: str) -> int:
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    async def reset(self) -> int | None:
        raise NotImplementedError

    async def clear(self, key: str) -> None:
        raise NotImplementedError


def _windows(key: str) -> tuple[Any, Any]:
    return f"{keys.RATE}{key}/-1", f"{keys.RATE}{key}"
