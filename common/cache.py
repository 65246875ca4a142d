"""The cache in Redis: finished results by query key, embeddings by model and content.

Each entry begins with a mark and a CRC-32, checked on every read: an entry that was cut short or
written by somebody else is a miss and is written anew, never served.
"""

import hashlib
import logging
import zlib

import numpy as np
import numpy.typing as npt
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from common import keys
from common.catalog.protocol import EMBEDDING_DIMENSION
from common.pipelining import PipelinedRedis

log = logging.getLogger(__name__)

RESULT_MARK = b"R1"
EMBEDDING_MARK = b"E1"
_HEAD_BYTES = 6
#: How far from 1 the length of a whole embedding may be: float32 rounding, and no more.
LENGTH_TOLERANCE = 1e-3
_EMBEDDING_BYTES = EMBEDDING_DIMENSION * 4


def pack(mark: bytes, body: bytes) -> bytes:
    """Return a cache entry: the mark, the CRC-32 of the body (4 bytes, big-endian), the body."""
    return mark + zlib.crc32(body).to_bytes(4) + body


def unpack(mark: bytes, entry: bytes) -> bytes | None:
    """Return the body of an entry, None where it is not whole."""
    body = entry[_HEAD_BYTES:]
    if entry[:2] != mark or zlib.crc32(body).to_bytes(4) != entry[2:_HEAD_BYTES]:
        return None
    return body


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, that names a text's embedding; CLIP does not tell case apart."""
    return hashlib.sha256(text.lower().encode()).hexdigest()


class ResultReader:
    """The gateway's side: one Redis read a hit; a cache that does not answer is a miss and is logged."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = PipelinedRedis(redis)

    async def get(self, query_key: str) -> bytes | None:
        """Return the finished JSON of a result."""
        try:
            entry = await self._redis.execute("GET", keys.result(query_key))
        except (RedisError, OSError) as error:
            log.warning("the result cache does not answer", extra={"error": type(error).__name__})
            return None
        return unpack(RESULT_MARK, entry) if isinstance(entry, bytes) else None


class WorkerCache:
    """The worker's side: writes results, reads and writes embeddings."""

    def __init__(self, redis: Redis, *, result_ttl_s: float, embedding_ttl_s: float) -> None:
        self._redis = redis
        self._result_ttl_ms = int(result_ttl_s * 1000)
        self._embedding_ttl_ms = int(embedding_ttl_s * 1000)

    def result(self, query_key: str) -> bytes | None:
        """Return the finished JSON of a result."""
        entry = self._get(keys.result(query_key))
        return unpack(RESULT_MARK, entry) if entry is not None else None

    def put_result(self, query_key: str, body: bytes) -> None:
        """Store the finished JSON of a result."""
        self._set(keys.result(query_key), pack(RESULT_MARK, body), self._result_ttl_ms)

    def embedding(self, model: str, content_hash: str) -> npt.NDArray[np.float32] | None:
        """Return a cached embedding, shape (512,), float32, unit length."""
        entry = self._get(keys.embedding(model, content_hash))
        body = unpack(EMBEDDING_MARK, entry) if entry is not None else None
        if body is None or len(body) != _EMBEDDING_BYTES:
            return None
        embedding = np.frombuffer(body, dtype="<f4").astype(np.float32, copy=False)
        # NaN compares as false: it is no unit vector either.
        return embedding if abs(float(np.linalg.norm(embedding)) - 1) < LENGTH_TOLERANCE else None

    def put_embedding(self, model: str, content_hash: str, embedding: npt.NDArray[np.float32]) -> None:
        """Store an embedding, shape (512,), float32."""
        body = embedding.astype("<f4", copy=False).tobytes()
        self._set(keys.embedding(model, content_hash), pack(EMBEDDING_MARK, body), self._embedding_ttl_ms)

    def _get(self, key: str) -> bytes | None:
        try:
            entry = self._redis.get(key)
        except (RedisError, OSError) as error:
            log.warning("the cache does not answer", extra={"error": type(error).__name__})
            return None
        return entry if isinstance(entry, bytes) else None

    def _set(self, key: str, entry: bytes, ttl_ms: int) -> None:
        try:
            self._redis.set(key, entry, px=ttl_ms)
        except (RedisError, OSError) as error:
            log.warning("the cache takes no entry", extra={"error": type(error).__name__})
