"""Embeds covers on the running workers, through the queue `bulk` in Redis.

At any time, a few batches per worker are in flight, within a limit of bytes. A batch without a reply is sent
again unless a worker has claimed the batch.
"""

import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import orjson
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from catalog.ingest.embedding.protocol import CoverToEmbed, EmbeddedCover
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected, RowFault
from common.broker.bulk_embedding_messages import (
    BulkCover,
    BulkFault,
    BulkReply,
    Outcome,
    pack_covers,
    unpack_reply,
)
from common.broker.celery_app import BULK_TASK_NAME, make_celery
from common.catalog.protocol import ModelStamp
from common.errors import ModelMismatch, NoWorker, QueueUnavailable
from common.redis import keyspace
from common.redis.clients import open_redis
from common.redis.errors import describe_error
from common.settings import Settings

P = TypeVar("P")

#: The number of covers in a batch, about a second of work, so that a worker that must stop can stop quickly.
BATCH = 16
#: The maximum number of bytes in one batch, and in all batches in flight. The bytes are limited, because
#: Redis evicts nothing and also stores searches.
BATCH_BYTES, IN_FLIGHT_BYTES = 4 << 20, 32 << 20
#: The maximum number of batches in flight, per worker and in total. With two batches, a worker never waits
#: for its next batch; the limit on the total leaves most of the workers' threads to searches.
BATCHES_PER_WORKER, BATCHES_MAX = 2, 16
#: A batch without a reply is sent again after this time, in seconds. A worker ignores a batch that another
#: worker has claimed.
RESEND_AFTER_S = 120.0
#: The ingest fails when one batch has failed this many times; a batch fails in a worker, or because no worker
#: is ready.
FAILURES_MAX = 5
_LOOK_EVERY_S = 5.0
_BATCH_TTL_S = 3600


@dataclass(slots=True)
class _Sent(Generic[P]):
    batch_id: str
    covers: list[CoverToEmbed[P]]
    sent_at: float = 0.0
    failures: int = 0
    outcomes: tuple[Outcome, ...] | None = None

    @property
    def size_bytes(self) -> int:
        return sum(_size_bytes(cover) for cover in self.covers)


class DistributedEmbedder:
    """Embeds covers on the workers, and checks that every reply comes from the model found at the start."""

    def __init__(self, redis: Redis, app: Celery) -> None:
        """Find the ready workers and the model that they share.

        Raises:
            NoWorker: no worker is ready.
            ModelMismatch: the workers have different models.
        """
        self._redis = redis
        self._app = app
        self._ingest_id = secrets.token_hex(32)
        workers = _ready_workers(redis)
        if not workers:
            raise NoWorker("no worker is ready to embed covers: start one, or ingest without --distributed")
        stamps = {_stamp(worker) for worker in workers}
        if len({stamp.fingerprint for stamp in stamps}) > 1:
            raise ModelMismatch("the workers have different models")
        if len(stamps) > 1:
            raise ModelMismatch("the workers are of different releases, which decode covers differently")
        (self.stamp,) = stamps
        self._count(workers)

    def embed(self, covers: Iterable[CoverToEmbed[P] | Rejected]) -> Iterator[EmbeddedCover[P] | Rejected]:
        sent: deque[_Sent[P]] = deque()
        for batch in batches(covers, BATCH, max_bytes=BATCH_BYTES, bytes_of=_size_bytes):
            if isinstance(batch, Rejected):
                yield batch
                continue
            entry = _Sent(secrets.token_hex(32), batch)
            while sent and not self._has_room(sent, entry):
                yield from self._next(sent)
            self._put(entry)
            sent.append(entry)
        while sent:
            yield from self._next(sent)

    def close(self) -> None:
        """Delete the replies in Redis; all other keys of the ingest expire."""
        self._redis.delete(keyspace.bulk_replies(self._ingest_id))

    def _allowed(self) -> int:
        if time.monotonic() - self._looked_at > _LOOK_EVERY_S:
            self._count(_ready_workers(self._redis))
        return max(1, min(BATCHES_MAX, BATCHES_PER_WORKER * self._workers))

    def _count(self, workers: Sequence[Mapping[str, Any]]) -> None:
        self._workers = len(workers)
        # Any worker may take a batch, and workers of earlier releases make only embeddings.
        self._makes_more = all_make_thumbnails(workers)
        self._looked_at = time.monotonic()

    def _has_room(self, sent: Sequence[_Sent[P]], entry: _Sent[P]) -> bool:
        unanswered_bytes = sum(other.size_bytes for other in sent if other.outcomes is None)
        return len(sent) < self._allowed() and unanswered_bytes + entry.size_bytes <= IN_FLIGHT_BYTES

    def _put(self, entry: _Sent[P]) -> None:
        payload = pack_covers(
            [
                BulkCover(
                    cover.content,
                    wants_palette=self._makes_more,
                    wants_thumbnails=cover.wants_thumbnails and self._makes_more,
                    wants_print=cover.wants_print and self._makes_more,
                )
                for cover in entry.covers
            ]
        )
        self._redis.set(keyspace.bulk(entry.batch_id), payload, ex=_BATCH_TTL_S)
        self._app.send_task(
            BULK_TASK_NAME, args=[self._ingest_id, entry.batch_id], queue=keyspace.BULK, ignore_result=True
        )
        entry.sent_at = time.monotonic()

    def _next(self, sent: deque[_Sent[P]]) -> Iterator[EmbeddedCover[P] | Rejected]:
        """Wait for the reply to the oldest batch and yield its results."""
        while sent[0].outcomes is None:
            self._receive(sent)
        first = sent.popleft()
        for cover, outcome in zip(first.covers, first.outcomes or (), strict=True):
            if isinstance(outcome, BulkFault):
                yield cover.rejected(RowFault(outcome.code, outcome.detail))
            else:
                yield EmbeddedCover(
                    cover, outcome.embedding, outcome.palette, outcome.thumbnails, outcome.cover_print
                )

    def _receive(self, sent: deque[_Sent[P]]) -> None:
        answer = cast("Any", self._redis.blpop([keyspace.bulk_replies(self._ingest_id)], timeout=1))
        if answer is None:
            self._resend(sent)
            return
        reply = unpack_reply(answer[1])
        for entry in sent:
            if entry.batch_id == reply.batch_id and entry.outcomes is None:
                self._take(entry, reply)

    def _take(self, entry: _Sent[P], reply: BulkReply) -> None:
        if reply.outcomes:
            self._require_model(reply)
            entry.outcomes = reply.outcomes
        else:
            _count_failure(entry, "the workers failed to embed a batch of covers; their logs say why")

    def _resend(self, sent: deque[_Sent[P]]) -> None:
        now = time.monotonic()
        late = [entry for entry in sent if entry.outcomes is None and now - entry.sent_at > RESEND_AFTER_S]
        # If a ready worker does not reply, it is busy with searches, which may take any time, so this is no
        # failure.
        alone = bool(late) and not _ready_workers(self._redis)
        for entry in late:
            if alone:
                _count_failure(entry, "no worker is left to embed covers")
            entry.sent_at = now
            if not self._redis.exists(keyspace.bulk_claim(entry.batch_id)):
                self._put(entry)

    def _require_model(self, reply: BulkReply) -> None:
        if reply.model_fingerprint != self.stamp.fingerprint:
            raise ModelMismatch(f"a worker has another model than {self.stamp.model}")


@contextmanager
def open_distributed_embedder(settings: Settings) -> Iterator[DistributedEmbedder]:
    """Yield an embedder that uses the workers connected to REDIS_URL.

    Raises:
        NoWorker: no worker is ready.
        ModelMismatch: the workers have different models.
        QueueUnavailable: Redis does not answer.
    """
    # The socket timeout must be longer than BLPOP's block time of 1 s.
    with open_redis(settings.redis_url.get_secret_value(), socket_timeout_s=10.0) as redis:
        try:
            embedder = DistributedEmbedder(redis, make_celery(settings))
            yield embedder
            embedder.close()
        except RedisError as error:
            raise QueueUnavailable(describe_error(error, setting="REDIS_URL")) from error


def all_make_thumbnails(workers: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether workers are ready and each of them announces that it makes thumbnails."""
    # If no worker is ready, the next worker that becomes ready may be of an earlier release.
    return bool(workers) and all(worker.get("thumbnails") for worker in workers)


def _count_failure(entry: _Sent[Any], reason: str) -> None:
    entry.failures += 1
    if entry.failures == FAILURES_MAX:
        raise NoWorker(reason)


def _size_bytes(cover: CoverToEmbed[Any]) -> int:
    return len(cover.content)


def _stamp(worker: Mapping[str, Any]) -> ModelStamp:
    # A worker that announces no preprocessing version belongs to an old release that has version 1.
    return ModelStamp(worker["model"], worker["fingerprint"], worker.get("preprocessing", 1))


def _ready_workers(redis: Redis) -> list[dict[str, object]]:
    ids = [member.decode() for member in cast("list[bytes]", redis.zrange(keyspace.WORKERS, 0, -1))]
    entries = cast("list[bytes | None]", redis.mget([keyspace.worker(i) for i in ids])) if ids else []
    announced = [orjson.loads(entry) for entry in entries if entry is not None]
    return [worker for worker in announced if worker.get("ready")]
