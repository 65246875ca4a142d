"""From the parts of a query to embeddings: the cache first, then decoder and model."""

import concurrent.futures

import numpy as np
import numpy.typing as npt
from redis import Redis
from redis.exceptions import RedisError

from common import keys
from common.cache import WorkerCache, text_hash
from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import DeadlineExceeded, ImageExpired, QueueUnavailable
from worker.batching import Batcher, Encoded
from worker.decode.pool import DecoderPool
from worker.encoder.protocol import Encoder
from worker.leases import Lease
from worker.retrying import retry_passing
from worker.stopwatch import Stopwatch

Embedding = npt.NDArray[np.float32]


class Embedder:
    """Embeds texts and uploaded images; thread-safe."""

    dimension = EMBEDDING_DIMENSION

    def __init__(
        self, *, encoder: Encoder, batcher: Batcher, decoders: DecoderPool, cache: WorkerCache, redis: Redis
    ) -> None:
        self._encoder = encoder
        self._batcher = batcher
        self._decoders = decoders
        self._cache = cache
        self._redis = redis

    def text(self, text: str, stopwatch: Stopwatch) -> Embedding:
        """Return the embedding of a text, shape (512,), unit length."""
        content = text_hash(text)
        cached = self._cache.embedding(self._encoder.fingerprint, content)
        if cached is not None:
            return cached
        return self._encoded(self._batcher.submit_text(text), content, stopwatch)

    def image(self, digest: str, lease: Lease, stopwatch: Stopwatch) -> Embedding:
        """Return the embedding of an uploaded image, shape (512,), unit length.

        Raises:
            ImageError: the bytes are gone or are no image that can be decoded.
            DecoderDied: the decoder's process ended or took too long.
        """
        cached = self._cache.embedding(self._encoder.fingerprint, digest)
        if cached is not None:
            return cached
        data = retry_passing(lambda: self._bytes(digest), within_s=stopwatch.remaining_s())
        with stopwatch.stage("decode"):
            pixels = self._decoders.decode(data, timeout_s=stopwatch.remaining_s())
        lease.check()
        return self._encoded(self._batcher.submit_image(pixels), digest, stopwatch)

    def _bytes(self, digest: str) -> bytes:
        try:
            data = self._redis.get(keys.image(digest))
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"an image could not be read ({type(error).__name__})") from error
        if not isinstance(data, bytes):
            raise ImageExpired("the uploaded image is no longer held; send it again")
        return data

    def _encoded(
        self, future: "concurrent.futures.Future[Encoded]", content: str, stopwatch: Stopwatch
    ) -> Embedding:
        try:
            encoded = future.result(timeout=max(0.0, stopwatch.remaining_s()))
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise DeadlineExceeded("the deadline passed before the model got to the query") from None
        stopwatch.add("embed", encoded.batch_ms)
        self._cache.put_embedding(self._encoder.fingerprint, content, encoded.embedding)
        return encoded.embedding
