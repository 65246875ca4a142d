"""The Celery task of the queue `bulk`: read a batch from Redis, embed it, write the reply to Redis.

Celery can deliver a batch twice. The task ignores a batch if another worker has claimed it or if its covers
have been deleted.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from common.broker.bulk_embedding_messages import (
    BulkCover,
    BulkFault,
    BulkReply,
    failed_reply,
    pack_reply,
    unpack_covers,
)
from common.broker.celery_app import BULK_TASK_NAME
from common.redis import keyspace
from worker.bulk_embedding.process import BulkDied, BulkProcess

log = logging.getLogger(__name__)

#: Redis deletes replies that the ingest has not read after this number of seconds.
REPLY_TTL_S = 600
#: The claim of a killed worker expires after this number of seconds; another worker can then claim the batch.
CLAIM_TTL_S = 10.0
_RENEWALS_PER_TTL = 3


class BulkHandler:
    """Embeds batches from the queue and writes their replies."""

    def __init__(self, redis: Redis, process: BulkProcess) -> None:
        self._redis = redis
        self._process = process

    def handle(self, ingest_id: str, batch_id: str) -> None:
        """Embed a batch and write the reply; an error is logged, and the ingest sends the batch again."""
        try:
            with _claimed(self._redis, batch_id) as is_ours:
                batch = self._redis.get(keyspace.bulk(batch_id)) if is_ours else None
                if isinstance(batch, bytes):
                    self._answer(ingest_id, self._reply(batch_id, batch))
        except (RedisError, OSError) as error:
            _warn(batch_id, error)

    def _reply(self, batch_id: str, batch: bytes) -> BulkReply:
        try:
            return self._embed(batch_id, unpack_covers(batch))
        except (ValueError, BulkDied) as error:
            _warn(batch_id, error)
            return failed_reply(batch_id)

    def _answer(self, ingest_id: str, reply: BulkReply) -> None:
        replies = keyspace.bulk_replies(ingest_id)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.rpush(replies, pack_reply(reply))
        pipeline.expire(replies, REPLY_TTL_S)
        pipeline.delete(keyspace.bulk(reply.batch_id))
        pipeline.execute()

    def _embed(self, batch_id: str, covers: Sequence[BulkCover]) -> BulkReply:
        try:
            reply = self._process.ask(covers)
        except BulkDied:
            # A single cover may have caused the process to end, so each cover is now embedded separately.
            replies = [self._embed_one(cover) for cover in covers]
            fingerprints = {r.model_fingerprint for r in replies if r is not None}
            if not fingerprints:
                raise
            died = BulkFault("decoder_died", "the process that decoded it ended")
            outcomes = [died if r is None else r.outcomes[0] for r in replies]
            return BulkReply(batch_id, fingerprints.pop(), tuple(outcomes))
        return BulkReply(batch_id, reply.model_fingerprint, reply.outcomes)

    def _embed_one(self, cover: BulkCover) -> BulkReply | None:
        try:
            return self._process.ask([cover])
        except BulkDied:
            return None


@contextmanager
def _claimed(redis: Redis, batch_id: str) -> Iterator[bool]:
    """Claim a batch while the `with` block runs; yield False if another worker has claimed the batch."""
    key, ttl_ms = keyspace.bulk_claim(batch_id), int(CLAIM_TTL_S * 1000)
    if not redis.set(key, b"", px=ttl_ms, nx=True):
        yield False
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(ttl_ms / 1000 / _RENEWALS_PER_TTL):
            # If no renewal reaches Redis in time, the claim expires and the batch may be embedded twice.
            with suppress(RedisError, OSError):
                redis.set(key, b"", px=ttl_ms)

    renewing = threading.Thread(target=renew, name="bulk claim", daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        done.set()
        renewing.join()
        redis.delete(key)


def _warn(batch_id: str, error: Exception) -> None:
    log.warning("a batch in bulk was not embedded", extra={"batch": batch_id, "error": str(error)})


def register_bulk(app: Celery, handler: BulkHandler) -> None:
    """Register the handler as the Celery task of the queue `bulk`."""

    @app.task(name=BULK_TASK_NAME)
    def embed(ingest_id: str, batch_id: str) -> None:
        handler.handle(ingest_id, batch_id)

    _: Any = embed
