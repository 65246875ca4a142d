"""The cache of rankings in Redis, so that the pages of a search come from one ranking and need one scan.

An entry begins with a type mark and a checksum, as all entries of the cache do. A byte that tells whether the
ranking is complete follows, and then the ids and similarities as compressed JSON.
"""

import logging
import zlib
from itertools import accumulate, pairwise

import orjson
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from common.cache.results import HEAD_BYTES, Entry, pack, unpack
from common.catalog.ranking import Ranking
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

log = logging.getLogger(__name__)

RANKING_MARK = b"K1"
_PARTIAL, _COMPLETE = b"P", b"C"


class RankingCache:
    """Reads and writes rankings for the worker; a failed read counts as a miss and is logged."""

    def __init__(self, redis: Redis, *, result_ttl_s: float) -> None:
        self._redis = redis
        # A page can be answered from the cache until `result_ttl_s` after it was computed. A ranking lives
        # longer than the pages that were read from it, so that the next page comes from the same ranking.
        self.ttl_ms = int(2 * result_ttl_s * 1000)

    def get(self, key: str) -> Ranking | None:
        """Return a ranking, and extend its lifetime; None if the cache has no valid entry."""
        name = keyspace.ranking(key)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.get(name)
        pipeline.pexpire(name, self.ttl_ms)
        try:
            entry, _ = pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("the cache does not answer", extra={"error": type(error).__name__})
            return None
        return ranking_in(entry) if isinstance(entry, bytes) else None

    def entry(self, key: str, ranking: Ranking) -> Entry:
        """Return the cache entry for a ranking."""
        return Entry(keyspace.ranking(key), packed_ranking(ranking), self.ttl_ms)


class RankingReader:
    """Reads for the gateway whether a ranking is complete."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = MultiplexedRedis(redis)

    async def is_complete(self, key: str) -> bool:
        """Return whether the cache has the whole ranking; log a warning if the cache does not answer."""
        try:
            head = await self._redis.execute("GETRANGE", keyspace.ranking(key), 0, HEAD_BYTES)
        except (RedisError, OSError) as error:
            log.warning("the result cache does not answer", extra={"error": type(error).__name__})
            return False
        return isinstance(head, bytes) and head[:2] == RANKING_MARK and head[HEAD_BYTES:] == _COMPLETE


def packed_ranking(ranking: Ranking) -> bytes:
    # Differences of similarities have fewer digits than the similarities.
    steps = [*ranking.similarities[:1], *(b - a for a, b in pairwise(ranking.similarities))]
    body = zlib.compress(orjson.dumps([ranking.ids, steps]), level=1)
    return pack(RANKING_MARK, (_COMPLETE if ranking.complete else _PARTIAL) + body)


def ranking_in(entry: bytes) -> Ranking | None:
    """Return the ranking in a cache entry, or None if the entry is invalid."""
    body = unpack(RANKING_MARK, entry)
    if body is None:
        return None
    try:
        ids, steps = orjson.loads(zlib.decompress(body[1:]))
        return Ranking(tuple(ids), tuple(accumulate(steps)), complete=body[:1] == _COMPLETE)
    except (zlib.error, ValueError, TypeError):
        # The mark and the checksum are right, but another program wrote the entry.
        return None
