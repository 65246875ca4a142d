"""Returns the embeddings of a query's texts and images, from the cache or from the decoder and the model."""

import concurrent.futures
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from redis import Redis
from redis.exceptions import RedisError

from common.cache.results import text_hash
from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import DeadlineExceeded, ImageExpired, QueueFull, QueueUnavailable
from common.redis import keyspace
from common.search_query import SearchQuery, TextPart
from worker.batching import Batcher, Encoded
from worker.decode.preprocessing_version import preprocessed
from worker.decode.processes.pool import DecoderPool
from worker.encoder.protocol import Encoder
from worker.retries import retry_transient
from worker.search.leases import Lease
from worker.search.stopwatch import Stopwatch

Embedding = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RunEmbeddings:
    """Maps the hashes of a run's texts and images to their embeddings, cached or newly computed."""

    cached: Mapping[str, Embedding]
    made: dict[str, Embedding] = field(default_factory=dict)

    def get(self, content: str) -> Embedding | None:
        found = self.cached.get(content)
        return self.made.get(content) if found is None else found


class Embedder:
    """Embeds texts and uploaded images; thread-safe."""

    dimension = EMBEDDING_DIMENSION

    def __init__(self, *, encoder: Encoder, batcher: Batcher, decoders: DecoderPool, redis: Redis) -> None:
        #: A hash of the model, the preprocessing version and the int8 mode, which is part of the cache key.
        self.fingerprint = preprocessed(encoder.fingerprint)
        self._encoder = encoder
        self._batcher = batcher
        self._decoders = decoders
        self._redis = redis

    def text(self, text: str, embeddings: RunEmbeddings, stopwatch: Stopwatch) -> Embedding:
        """Return the embedding of a text, a unit vector of shape (512,)."""
        content = text_hash(text)
        found = embeddings.get(content)
        if found is None:
            found = _encoded(self._batcher.submit_text(text), stopwatch)
            embeddings.made[content] = found
        return found

    def texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the embeddings of texts that are not part of a query, shape (n, 512); the cache is not used.

        Raises:
            QueueFull: too many items wait for the model, or the worker is shutting down.
        """
        waiting: list[concurrent.futures.Future[Encoded]] = []
        try:
            waiting.extend(self._batcher.submit_text(text) for text in texts)
        except QueueFull:
            for future in waiting:
                future.cancel()
            raise
        return np.stack([future.result().embedding for future in waiting])

    def truncates(self, query: SearchQuery) -> bool:
        """Return whether one of the query's texts has more tokens than the model reads.

        This check tokenizes each text, which takes 0.04 ms, because a text whose embedding is cached has not
        been tokenized.
        """
        return any(self._encoder.truncates(part.text) for part in query.parts if isinstance(part, TextPart))

    def image(self, digest: str, embeddings: RunEmbeddings, lease: Lease, stopwatch: Stopwatch) -> Embedding:
        """Return the embedding of an uploaded image, a unit vector of shape (512,).

        Raises:
            ImageError: the image has expired in Redis or cannot be decoded.
            DecoderDied: the decoder process ended or took too long.
            DecoderBusy: no decoder became free in half of the remaining time, so that another worker still
                has time to decode the image.
        """
        found = embeddings.get(digest)
        if found is None:
            data = retry_transient(lambda: self._bytes(digest), within_s=stopwatch.remaining_s())
            with stopwatch.stage("decode"):
                pixels = self._decoders.decode(
                    data,
                    wait_s=stopwatch.remaining_s() / 2,
                    timeout_s=stopwatch.remaining_s(),
                    client=lease.claim.client,
                    cost_s=lease.claim.decode_ms / 1000,
                )
            lease.check()
            found = _encoded(self._batcher.submit_image(pixels), stopwatch)
            embeddings.made[digest] = found
        return found

    def _bytes(self, digest: str) -> bytes:
        try:
            data = self._redis.get(keyspace.image(digest))
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"an image could not be read ({type(error).__name__})") from error
        if not isinstance(data, bytes):
            raise ImageExpired("the uploaded image is no longer held; send it again")
        return data


def _encoded(future: "concurrent.futures.Future[Encoded]", stopwatch: Stopwatch) -> Embedding:
    try:
        encoded = future.result(timeout=max(0.0, stopwatch.remaining_s()))
    except concurrent.futures.TimeoutError:
        future.cancel()
        raise DeadlineExceeded("the deadline passed before the model got to the query") from None
    stopwatch.add("embed", encoded.batch_ms)
    return encoded.embedding
