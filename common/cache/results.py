"""The Redis cache: results are stored by query key, embeddings by model and content hash.

Each cache entry begins with a two-byte type mark and a CRC-32 checksum; every read checks both. An entry that
is truncated or has another type counts as a miss and is overwritten.
"""

import hashlib
import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import numpy.typing as npt
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis
from common.search_query import ImagePart, SearchQuery, TextPart

log = logging.getLogger(__name__)

#: Type mark of a cached result. Results with the older mark R1 are ignored, because the releases that wrote
#: them did not check the catalog's version.
RESULT_MARK = b"R2"
EMBEDDING_MARK = b"E1"
#: The number of bytes before the data of an entry: the type mark and the checksum.
HEAD_BYTES = 6
#: Maximum deviation of an embedding's vector length from 1, to allow for float32 rounding.
LENGTH_TOLERANCE = 1e-3
_EMBEDDING_BYTES = EMBEDDING_DIMENSION * 4


def pack(mark: bytes, body: bytes) -> bytes:
    """Return a cache entry: the type mark, the CRC-32 of `body` (4 bytes, big-endian), and `body`."""
    return mark + zlib.crc32(body).to_bytes(4) + body


def unpack(mark: bytes, entry: bytes) -> bytes | None:
    """Return the data in a cache entry, or None if its type mark or its checksum is wrong."""
    body = entry[HEAD_BYTES:]
    if entry[:2] != mark or zlib.crc32(body).to_bytes(4) != entry[2:HEAD_BYTES]:
        return None
    return body


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of a lower-cased text, because CLIP's tokenizer ignores case."""
    return hashlib.sha256(text.lower().encode()).hexdigest()


def content_hashes(query: SearchQuery) -> tuple[str, ...]:
    """Return the hashes of a query's texts and images; the cache keys of embeddings contain these hashes."""
    return tuple(
        text_hash(part.text) if isinstance(part, TextPart) else part.digest
        for part in query.parts
        if isinstance(part, TextPart | ImagePart)
    )


class ResultReader:
    """Reads cached results for the gateway; an unreachable cache is logged and counts as a miss."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = MultiplexedRedis(redis)

    async def get(self, query_key: str) -> bytes | None:
        """Return the cached result of a query as JSON, or None if the cache has no valid entry."""
        try:
            entry = await self._redis.execute("GET", keyspace.result(query_key))
        except (RedisError, OSError) as error:
            log.warning("the result cache does not answer", extra={"error": type(error).__name__})
            return None
        return unpack(RESULT_MARK, entry) if isinstance(entry, bytes) else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A value to be written to the cache."""

    key: str
    value: bytes
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class CacheLookup:
    """The cached data for a run: the result of the query, and a mapping from content hashes to embeddings."""

    result: bytes | None
    embeddings: dict[str, npt.NDArray[np.float32]]

    @classmethod
    def of(cls, entries: tuple[bytes | None, ...], *, contents: Sequence[str]) -> Self:
        """Parse the cache entries of a query's result and of its embeddings; skip invalid entries."""
        result, *vectors = entries
        found = {content: _embedding_in(entry) for content, entry in zip(contents, vectors, strict=True)}
        return cls(
            result=None if result is None else unpack(RESULT_MARK, result),
            embeddings={content: vector for content, vector in found.items() if vector is not None},
        )


class WorkerCache:
    """Reads and writes cached results and embeddings for the worker.

    A failed read counts as a miss and a failed write is ignored; both are logged.
    """

    def __init__(self, redis: Redis, *, result_ttl_s: float, embedding_ttl_s: float) -> None:
        self._redis = redis
        self._result_ttl_ms = int(result_ttl_s * 1000)
        self._embedding_ttl_ms = int(embedding_ttl_s * 1000)

    def entries(self, query_key: str, *, model: str, contents: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the raw cache entries of a query's result and of its embeddings, with None for each miss."""
        names = [keyspace.result(query_key), *(keyspace.embedding(model, content) for content in contents)]
        try:
            return tuple(cast("list[bytes | None]", self._redis.mget(names)))
        except (RedisError, OSError) as error:
            log.warning("the cache does not answer", extra={"error": type(error).__name__})
            return (None,) * len(names)

    def result_entry(self, query_key: str, body: bytes) -> Entry:
        """Return the cache entry for a result; `body` is the result as JSON."""
        return Entry(keyspace.result(query_key), pack(RESULT_MARK, body), self._result_ttl_ms)

    def embedding_entries(
        self, model: str, embeddings: Mapping[str, npt.NDArray[np.float32]]
    ) -> tuple[Entry, ...]:
        """Return the cache entries for `embeddings`, which maps content hashes to float32 vectors."""
        return tuple(
            Entry(
                keyspace.embedding(model, content),
                pack(EMBEDDING_MARK, vector.astype("<f4", copy=False).tobytes()),
                self._embedding_ttl_ms,
            )
            for content, vector in embeddings.items()
        )

    def put(self, entries: Sequence[Entry]) -> None:
        """Write all entries to the cache in one round trip."""
        if not entries:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.set(entry.key, entry.value, px=entry.ttl_ms)
        try:
            pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("the cache cannot store entries", extra={"error": type(error).__name__})


def _embedding_in(entry: bytes | None) -> npt.NDArray[np.float32] | None:
    """Return the embedding in a cache entry; None if the entry is missing, invalid or not a unit vector."""
    body = None if entry is None else unpack(EMBEDDING_MARK, entry)
    if body is None or len(body) != _EMBEDDING_BYTES:
        return None
    embedding = np.frombuffer(body, dtype="<f4").astype(np.float32, copy=False)
    # If the embedding contains NaN, the comparison is false and the entry counts as invalid.
    return embedding if abs(float(np.linalg.norm(embedding)) - 1) < LENGTH_TOLERANCE else None
