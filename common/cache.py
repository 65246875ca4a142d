"""The Redis cache of results by query key and of embeddings by model and content hash.

Each entry begins with a type mark and a CRC-32, which every read checks. A truncated or foreign entry counts
as a miss and is overwritten.
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
from common.queries import ImagePart, SearchQuery, TextPart
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

log = logging.getLogger(__name__)

#: Entries with the mark R1 were written by releases that did not compare the catalog's version.
RESULT_MARK = b"R2"
EMBEDDING_MARK = b"E1"
_HEAD_BYTES = 6
#: Allowed deviation of an embedding's length from 1, for float32 rounding.
LENGTH_TOLERANCE = 1e-3
_EMBEDDING_BYTES = EMBEDDING_DIMENSION * 4


def pack(mark: bytes, body: bytes) -> bytes:
    """Return a cache entry: the mark, the CRC-32 of the body (4 bytes, big-endian), the body."""
    return mark + zlib.crc32(body).to_bytes(4) + body


def unpack(mark: bytes, entry: bytes) -> bytes | None:
    """Return the body of an entry, None if the mark or the checksum is wrong."""
    body = entry[_HEAD_BYTES:]
    if entry[:2] != mark or zlib.crc32(body).to_bytes(4) != entry[2:_HEAD_BYTES]:
        return None
    return body


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of a text in lower case, because CLIP's tokenizer ignores case."""
    return hashlib.sha256(text.lower().encode()).hexdigest()


def content_hashes(query: SearchQuery) -> tuple[str, ...]:
    """Return the hashes of a query's texts and images, under which their embeddings are cached."""
    return tuple(
        text_hash(part.text) if isinstance(part, TextPart) else part.digest
        for part in query.parts
        if isinstance(part, TextPart | ImagePart)
    )


class ResultReader:
    """The gateway's reader of cached results; a cache that does not answer counts as a miss and is logged."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = MultiplexedRedis(redis)

    async def get(self, query_key: str) -> bytes | None:
        """Return a cached result as JSON, None if there is none."""
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
    """The cached data of a run: its query's result, and embeddings by content hash."""

    result: bytes | None
    embeddings: dict[str, npt.NDArray[np.float32]]

    @classmethod
    def of(cls, entries: tuple[bytes | None, ...], *, contents: Sequence[str]) -> Self:
        """Read the entries of a query key and of contents; invalid entries count as missing."""
        result, *vectors = entries
        found = {content: _embedding_in(entry) for content, entry in zip(contents, vectors, strict=True)}
        return cls(
            result=None if result is None else unpack(RESULT_MARK, result),
            embeddings={content: vector for content, vector in found.items() if vector is not None},
        )


class WorkerCache:
    """The worker's reader and writer of cached results and embeddings.

    A failed read counts as a miss and a failed write is ignored; both are logged.
    """

    def __init__(self, redis: Redis, *, result_ttl_s: float, embedding_ttl_s: float) -> None:
        self._redis = redis
        self._result_ttl_ms = int(result_ttl_s * 1000)
        self._embedding_ttl_ms = int(embedding_ttl_s * 1000)

    def entries(self, query_key: str, *, model: str, contents: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the raw entries of a query's result and of the embeddings of contents, None for a miss."""
        names = [keyspace.result(query_key), *(keyspace.embedding(model, content) for content in contents)]
        try:
            return tuple(cast("list[bytes | None]", self._redis.mget(names)))
        except (RedisError, OSError) as error:
            log.warning("the cache does not answer", extra={"error": type(error).__name__})
            return (None,) * len(names)

    def result_entry(self, query_key: str, body: bytes) -> Entry:
        """Return the cache entry of a result as JSON."""
        return Entry(keyspace.result(query_key), pack(RESULT_MARK, body), self._result_ttl_ms)

    def embedding_entries(
        self, model: str, embeddings: Mapping[str, npt.NDArray[np.float32]]
    ) -> tuple[Entry, ...]:
        """Return the cache entries of embeddings, shape (512,), float32, by content hash."""
        return tuple(
            Entry(
                keyspace.embedding(model, content),
                pack(EMBEDDING_MARK, vector.astype("<f4", copy=False).tobytes()),
                self._embedding_ttl_ms,
            )
            for content, vector in embeddings.items()
        )

    def put(self, entries: Sequence[Entry]) -> None:
        """Write all entries in one round trip."""
        if not entries:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.set(entry.key, entry.value, px=entry.ttl_ms)
        try:
            pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("the cache takes no entry", extra={"error": type(error).__name__})


def _embedding_in(entry: bytes | None) -> npt.NDArray[np.float32] | None:
    """Return the embedding in an entry, None if the entry is invalid or not a unit vector."""
    body = None if entry is None else unpack(EMBEDDING_MARK, entry)
    if body is None or len(body) != _EMBEDDING_BYTES:
        return None
    embedding = np.frombuffer(body, dtype="<f4").astype(np.float32, copy=False)
    # A NaN in the embedding makes the comparison false, too.
    return embedding if abs(float(np.linalg.norm(embedding)) - 1) < LENGTH_TOLERANCE else None
