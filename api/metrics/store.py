"""Adds a gateway's counts to the counts of all gateways in Redis, and reads the last five minutes of counts.

The counts of every ten seconds, a slot, are in a hash of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.errors import QueueUnavailable
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

#: The length of a slot in milliseconds.
SLOT_MS = 10_000
#: The number of slots to read: the current slot, which has not ended, and the 29 slots before it.
SLOTS = 30
#: The milliseconds for which Redis keeps a slot.
KEEP_MS = 360_000
#: The milliseconds for which a gateway counts as alive after a report.
ALIVE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Counts of one gateway over about a second."""

    #: A number that is larger in each later batch of the same gateway.
    sequence: int
    #: The seconds since the middle of the second in which the requests were counted.
    age_s: float
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The counts of all gateways in the last five minutes."""

    #: The present time by the clock of Redis, in milliseconds since the epoch.
    now_ms: int
    #: The counts of each slot by name; the oldest slot comes first.
    slots: tuple[Mapping[str, int], ...]
    #: The announcements of the gateways that are alive.
    gateways: tuple[dict[str, Any], ...]


class MetricsStore:
    """A client of the stored counts; calls raise `QueueUnavailable` if Redis does not answer in time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = MultiplexedRedis(redis)
        self._add = redis.register_script(_script_text("add_counts"))
        self._read = redis.register_script(_script_text("read_counts"))

    async def add(
        self, batches: Sequence[Batch], *, gateway_id: str, announcement: Mapping[str, object]
    ) -> None:
        """Add each batch to the slot that its age determines; a batch that was added before is ignored."""
        arguments: list[Any] = [gateway_id, orjson.dumps(announcement), SLOT_MS, KEEP_MS, ALIVE_MS]
        for batch in batches:
            arguments += (batch.sequence, round(batch.age_s * 1000), orjson.dumps(batch.counts))
        await self._run(self._add, arguments)

    async def window(self) -> Window:
        """Return the counts of the last five minutes and the gateways that are alive."""
        now_ms, announcements, *slots = await self._run(self._read, (SLOT_MS, SLOTS))
        return Window(
            now_ms=now_ms,
            slots=tuple(_counts(flat) for flat in slots),
            gateways=tuple(orjson.loads(announcement) for announcement in announcements),
        )

    async def _run(self, script: Any, arguments: Sequence[Any]) -> Any:
        try:
            return await self._redis.run(script, arguments)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"the job queue does not answer ({type(error).__name__})") from error


def _counts(flat: Sequence[bytes]) -> dict[str, int]:
    return {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}


def _script_text(name: str) -> str:
    return keyspace.with_names(files("api.metrics").joinpath(f"{name}.lua").read_text())
