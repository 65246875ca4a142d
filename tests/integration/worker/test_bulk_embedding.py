"""Each batch of covers is embedded by one worker at a time; if the worker is killed, another takes over."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import pytest
from redis import Redis

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import cover_jpeg
from common.broker.bulk_embedding_messages import (
    BulkCover,
    BulkEmbedding,
    BulkReply,
    pack_covers,
    unpack_reply,
)
from common.redis import keyspace
from common.settings import Settings, load_settings
from local.servers.redis import RedisServer
from tests.polling import eventually
from worker.bulk_embedding.process import BulkProcess
from worker.bulk_embedding.tasks import BulkHandler
from worker.decode.image import decode_image, decode_print, decode_thumbnails
from worker.decode.palette_extraction import palette_of
from worker.encoder.stand_in_encoder import FixedLatencyEncoder
from worker.prints.cover_print import make_print

INGEST_ID = secrets.token_hex(32)


class CountedProcess(BulkProcess):
    """A bulk embedding process that counts its requests."""

    asked = 0

    def ask(self, covers: Sequence[BulkCover]) -> BulkReply:
        self.asked += 1
        return super().ask(covers)


@pytest.fixture
def make_process(redis_server: RedisServer) -> Iterator[Callable[..., CountedProcess]]:
    """Return a function that makes bulk embedding processes; end all processes after the test."""
    made: list[CountedProcess] = []

    def make(**environ: str) -> CountedProcess:
        settings: Settings = load_settings({"REDIS_URL": redis_server.url, "ENCODER": "fixed", **environ})
        made.append(CountedProcess(settings))
        return made[-1]

    yield make
    for process in made:
        process.close()


@pytest.fixture
def batch_id(redis: Redis) -> str:
    """The id of a batch of two covers that waits in Redis."""
    batch_id = secrets.token_hex(32)
    covers = [BulkCover(cover_jpeg(album, size_px=64)) for album in demo_albums(2)]
    redis.set(keyspace.bulk(batch_id), pack_covers(covers))
    return batch_id


def replies(redis: Redis) -> list[BulkReply]:
    found = cast("list[bytes]", redis.lrange(keyspace.bulk_replies(INGEST_ID), 0, -1))
    return [unpack_reply(reply) for reply in found]


def test_a_duplicate_batch_message_embeds_nothing(
    redis: Redis,
    make_process: Callable[..., CountedProcess],
    batch_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.bulk_embedding.tasks.CLAIM_TTL_S", 0.2)
    process = make_process(FIXED_LATENCY_MS="1000")
    handler = BulkHandler(redis, process)
    first = threading.Thread(target=handler.handle, args=[INGEST_ID, batch_id])
    first.start()
    eventually(lambda: process.asked)

    # The loop lasts several times longer than a claim is valid without renewal.
    while first.is_alive():
        handler.handle(INGEST_ID, batch_id)
    first.join()
    handler.handle(INGEST_ID, batch_id)

    assert process.asked == 1
    assert [len(reply.outcomes) for reply in replies(redis)] == [2]
    assert list(redis.scan_iter(f"{keyspace.BULK}:{batch_id}*")) == []


def test_the_batch_of_a_killed_worker_is_processed_after_its_claim_expires(
    redis: Redis, make_process: Callable[..., CountedProcess], batch_id: str
) -> None:
    process = make_process()
    handler = BulkHandler(redis, process)
    redis.set(keyspace.bulk_claim(batch_id), b"", ex=60)

    handler.handle(INGEST_ID, batch_id)
    while_claimed = process.asked
    redis.pexpire(keyspace.bulk_claim(batch_id), 1)
    eventually(lambda: not redis.exists(keyspace.bulk_claim(batch_id)))
    handler.handle(INGEST_ID, batch_id)

    assert while_claimed == 0
    assert [len(reply.outcomes) for reply in replies(redis)] == [2]


def test_thumbnails_are_made_of_the_covers_that_want_them(
    redis: Redis, make_process: Callable[..., CountedProcess], batch_id: str
) -> None:
    files = [cover_jpeg(album, size_px=300) for album in demo_albums(2)]
    covers = [BulkCover(files[0], wants_thumbnails=True), BulkCover(files[1])]
    redis.set(keyspace.bulk(batch_id), pack_covers(covers))

    BulkHandler(redis, make_process()).handle(INGEST_ID, batch_id)

    (reply,) = replies(redis)
    made = [outcome.thumbnails for outcome in reply.outcomes if isinstance(outcome, BulkEmbedding)]
    assert made == [decode_thumbnails(files[0], max_pixels=100_000), ()]


def test_prints_are_made_of_the_covers_that_want_them(
    redis: Redis, make_process: Callable[..., CountedProcess], batch_id: str
) -> None:
    files = [cover_jpeg(album, size_px=300) for album in demo_albums(2)]
    covers = [BulkCover(files[0], wants_print=True), BulkCover(files[1])]
    redis.set(keyspace.bulk(batch_id), pack_covers(covers))

    BulkHandler(redis, make_process()).handle(INGEST_ID, batch_id)

    (reply,) = replies(redis)
    made = [outcome.cover_print for outcome in reply.outcomes if isinstance(outcome, BulkEmbedding)]
    assert made == [decode_print(files[0], make_print=make_print, max_pixels=100_000), None]


def test_palettes_are_made_of_the_covers_that_want_them(
    redis: Redis, make_process: Callable[..., CountedProcess], batch_id: str
) -> None:
    files = [cover_jpeg(album, size_px=300) for album in demo_albums(2)]
    covers = [BulkCover(files[0], wants_palette=True), BulkCover(files[1])]
    redis.set(keyspace.bulk(batch_id), pack_covers(covers))

    BulkHandler(redis, make_process()).handle(INGEST_ID, batch_id)

    (reply,) = replies(redis)
    made = [outcome.palette for outcome in reply.outcomes if isinstance(outcome, BulkEmbedding)]
    square = decode_image(files[0], size_px=FixedLatencyEncoder.input_size_px, max_pixels=100_000)
    assert made == [palette_of(np.asarray(square)), None]


def test_a_worker_that_cannot_load_the_model_reports_a_failure(
    redis: Redis, make_process: Callable[..., CountedProcess], batch_id: str
) -> None:
    process = make_process(ENCODER="openvino", CLIP_MODEL="/nowhere")

    BulkHandler(redis, process).handle(INGEST_ID, batch_id)

    (reply,) = replies(redis)
    assert reply.batch_id == batch_id
    assert reply.outcomes == ()
    assert not redis.exists(keyspace.bulk_claim(batch_id))


def test_a_child_that_ends_slowly_after_its_kill_does_not_lose_the_batch(
    redis: Redis,
    make_process: Callable[..., CountedProcess],
    batch_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.bulk_embedding.process.REPLY_TIMEOUT_S", 0.1)
    monkeypatch.setattr("worker.bulk_embedding.process._END_S", 0.0)
    process = make_process(FIXED_LATENCY_MS="60000")

    BulkHandler(redis, process).handle(INGEST_ID, batch_id)

    (reply,) = replies(redis)
    assert reply.outcomes == ()
    assert process.pid is None
