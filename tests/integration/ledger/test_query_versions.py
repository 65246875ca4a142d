"""Runs whose queries have version 2 use keys and a queue of their own, and need a worker that reads them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from redis import Redis

from common.errors import NoWorker, QueueFull
from common.jobs import JobFailure, JobState, Timings
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim, Submission, Verdict
from common.ledger.worker import WorkerLedger
from common.redis import keyspace
from common.search_query import ImagePart, SearchQuery, TextPart, image_digest
from common.settings import Settings
from tests.ledgers import OWNER, submission_of
from tests.polling import time_passes

MakeSettings = Callable[..., Settings]
MakeGateway = Callable[[Settings], GatewayLedger]
MakeWorker = Callable[..., WorkerLedger]

TIMINGS = Timings.of(total_ms=5, decode_ms=1, embed_ms=2, search_ms=1)
OLD: dict[str, object] = {"ready": True}
NEW: dict[str, object] = {"ready": True, "query_version": 2}
FIRST, SECOND = keyspace.SEARCH_QUEUES
LONG_S = 1.0


def submission(words: str = "red", *, version: int = 2, **changes: Any) -> Submission:
    return submission_of(SearchQuery((TextPart(words),), explain=version == 2), **changes)


def image(number: int, *, version: int) -> Submission:
    """Return an image search that uses a client's whole share of the decoders."""
    data = bytes([number]) * 1000
    query = SearchQuery((ImagePart(image_digest(data)),), explain=version == 2)
    images = ((image_digest(data), data),)
    return submission_of(query, images=images, client="flood", decode_cost_s=LONG_S)


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
def gateway(settings: Settings, make_gateway: MakeGateway) -> GatewayLedger:
    return make_gateway(settings)


@pytest.fixture
def worker(settings: Settings, make_worker: MakeWorker) -> WorkerLedger:
    return make_worker(settings)


def announce(worker: WorkerLedger, *announcements: dict[str, object], redis: Redis) -> None:
    """Replace all announcements by these."""
    for key in (keyspace.WORKERS, *redis.scan_iter(f"{keyspace.WORKER}*")):
        redis.delete(key)
    for number, announcement in enumerate(announcements):
        now_ms = int(redis.time()[0]) * 1000
        redis.set(keyspace.worker(str(number)), orjson.dumps(announcement))
        redis.zadd(keyspace.WORKERS, {str(number): now_ms + 60_000})


def messages(redis: Redis, queue: str) -> list[str]:
    """Return the runs whose messages are in a queue, and check that the messages name this queue."""
    found = [orjson.loads(message) for message in redis.lrange(queue, 0, -1)]
    assert {message["properties"]["delivery_info"]["routing_key"] for message in found} <= {queue}
    return [message["headers"]["id"] for message in reversed(found)]


def claimed(worker: WorkerLedger, run_id: str) -> Claim:
    claim = worker.claim(run_id)
    assert isinstance(claim, Claim)
    return claim


async def test_each_version_of_queries_has_a_queue(gateway: GatewayLedger, redis: Redis) -> None:
    old = await gateway.submit(submission(version=1))
    new = await gateway.submit(submission(version=2))

    assert messages(redis, FIRST) == [old.run_id]
    assert messages(redis, SECOND) == [new.run_id]
    assert redis.zrange(keyspace.QUEUED, 0, -1) == [old.run_id.encode()]


@pytest.mark.parametrize("announced", [[OLD], [OLD, OLD], [OLD, NEW | {"ready": False}]])
async def test_a_query_that_no_ready_worker_reads_is_refused_and_leaves_nothing_behind(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis, announced: list[dict[str, object]]
) -> None:
    announce(worker, *announced, redis=redis)
    before = set(redis.scan_iter())

    with pytest.raises(NoWorker, match="earlier release"):
        await gateway.submit(submission(idempotency=(keyspace.idempotency(OWNER, "k"), "ab")))

    assert set(redis.scan_iter()) == before


@pytest.mark.parametrize("announced", [[], [NEW], [OLD, NEW], [OLD | {"ready": False}]])
async def test_a_query_is_accepted_if_a_ready_worker_reads_it_or_no_worker_is_ready(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis, announced: list[dict[str, object]]
) -> None:
    announce(worker, *announced, redis=redis)

    accepted = await gateway.submit(submission())

    assert messages(redis, SECOND) == [accepted.run_id]


async def test_a_query_of_version_1_is_accepted_beside_older_workers(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    announce(worker, OLD, redis=redis)

    accepted = await gateway.submit(submission(version=1))

    assert messages(redis, FIRST) == [accepted.run_id]


async def test_a_run_that_a_departed_worker_reads_is_joined_and_a_repeated_request_returns_its_job(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    idempotency = (keyspace.idempotency(OWNER, "k"), "ab")
    announce(worker, NEW, redis=redis)
    first = await gateway.submit(submission(idempotency=idempotency))
    announce(worker, OLD, redis=redis)

    joined = await gateway.submit(submission())
    repeated = await gateway.submit(submission(idempotency=idempotency))

    assert joined.run_id == repeated.run_id == first.run_id
    assert repeated.job_id == first.job_id


async def test_a_lost_message_is_sent_again_to_the_queue_of_its_version(
    gateway: GatewayLedger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ledger.gateway.RESEND_AFTER_MS", 20)
    accepted = await gateway.submit(submission())
    redis.delete(SECOND)
    await time_passes(0.05)

    swept = await gateway.sweep()

    assert swept is not None
    assert swept.sent_again == 1
    assert messages(redis, SECOND) == [accepted.run_id]
    assert messages(redis, FIRST) == []


async def test_a_sweep_by_a_process_of_release_0_2_0_does_not_replace_a_sweep_of_all_versions(
    gateway: GatewayLedger, redis: Redis
) -> None:
    redis.set("sweeping", "1", px=60_000)

    assert await gateway.sweep() is not None
    assert await gateway.sweep() is None


async def test_the_run_of_a_killed_worker_returns_to_the_queue_of_its_version(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(submission())
    redis.delete(SECOND)
    claimed(worker, accepted.run_id)
    running = keyspace.of_version(keyspace.RUNNING, 2)
    redis.zadd(running, {accepted.run_id: 1})
    redis.hset(keyspace.RUN + accepted.run_id, "lease_ms", 1)

    swept = await gateway.sweep()

    assert swept is not None
    assert swept.given_back == 1
    assert redis.zcard(running) == 0
    assert messages(redis, SECOND) == [accepted.run_id]
    assert messages(redis, FIRST) == []


async def test_a_released_run_returns_to_the_queue_of_its_version(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(submission())
    redis.delete(SECOND)

    worker.release(claimed(worker, accepted.run_id), uses_attempt=False)

    assert messages(redis, SECOND) == [accepted.run_id]
    assert messages(redis, FIRST) == []


async def test_renewing_a_lease_keeps_the_run_in_the_index_of_its_version(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(submission())
    claimed(worker, accepted.run_id)

    lost = worker.renew(NEW, ttl_s=5, run_ids=[accepted.run_id])

    assert lost == set()
    assert redis.zcard(keyspace.RUNNING) == 0
    assert redis.zcard(keyspace.of_version(keyspace.RUNNING, 2)) == 1


async def test_the_parked_images_of_a_client_are_sent_in_their_order_to_the_queues_of_their_versions(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    first, second, third = [
        (await gateway.submit(image(number, version=version))).run_id
        for number, version in enumerate((2, 1, 2))
    ]
    assert (messages(redis, FIRST), messages(redis, SECOND)) == ([], [first])

    claimed(worker, first)
    worker.succeed(first, result=b"{}", timings=TIMINGS)
    assert (messages(redis, FIRST), messages(redis, SECOND)) == ([second], [first])
    worker.fail(claimed(worker, second), JobFailure("image_too_costly", "too long"))

    assert (messages(redis, FIRST), messages(redis, SECOND)) == ([second], [first, third])


async def test_an_underestimated_image_parks_the_queued_runs_of_both_versions(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    runs = [
        await gateway.submit(replace(image(number, version=version), decode_cost_s=0.01))
        for number, version in enumerate((1, 2, 2))
    ]

    parked = worker.charge("flood", excess_s=60)

    assert parked == len(runs)
    assert redis.zcard(keyspace.of_version(keyspace.QUEUED, 2)) == 0
    assert worker.claim(runs[2].run_id) is Verdict.HELD


async def test_the_figures_of_the_queue_include_every_version(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    announce(worker, NEW, redis=redis)
    jobs = [
        await gateway.submit(submission(f"text {n}", version=version)) for n, version in enumerate((2, 1, 2))
    ]
    for number, job in enumerate(jobs):
        index = keyspace.of_version(keyspace.QUEUED, 1 if number == 1 else 2)
        redis.zincrby(index, -1000 * (3 - number), job.run_id)
    running = await gateway.submit(submission("running"))
    claimed(worker, running.run_id)

    load, overview = await gateway.load(), await gateway.overview()
    positions = [(await gateway.job(job.job_id, owner=OWNER))[0].position for job in jobs]

    assert (load.queued, load.running) == (3, 1)
    assert load.oldest_age_ms >= 3000
    assert (overview.queued, overview.running, overview.queued_by_kind) == (3, 1, {"text": 3})
    assert overview.oldest_age_s is not None
    assert overview.oldest_age_s >= 3
    assert positions == [1, 2, 3]


async def test_the_depth_limit_counts_both_queues(
    make_settings: MakeSettings, make_gateway: MakeGateway
) -> None:
    gateway = make_gateway(make_settings(MAX_QUEUE_DEPTH="2"))
    await gateway.submit(submission("first", version=1))
    await gateway.submit(submission("second", version=2))

    for version in keyspace.QUERY_VERSIONS:
        with pytest.raises(QueueFull, match="the queue is full"):
            await gateway.submit(submission("third", version=version))


async def test_a_backlog_that_only_newer_workers_can_answer_does_not_refuse_other_searches(
    gateway: GatewayLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(submission("long ago"))
    redis.zincrby(keyspace.of_version(keyspace.QUEUED, 2), -3_600_000, accepted.run_id)

    await gateway.submit(submission(version=1))

    with pytest.raises(QueueFull, match="waited too long"):
        await gateway.submit(submission())


@pytest.mark.parametrize(
    ("announced", "code", "detail"),
    [
        ([OLD], "no_worker", "upgrade the workers"),
        ([OLD, NEW], "deadline_exceeded", "deadline"),
        ([], "no_worker", "start one"),
    ],
)
async def test_an_overdue_job_says_whether_a_worker_could_read_its_query(
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    worker: WorkerLedger,
    redis: Redis,
    announced: list[dict[str, object]],
    code: str,
    detail: str,
) -> None:
    gateway = make_gateway(make_settings(JOB_DEADLINE_S="0.05"))
    accepted = await gateway.submit(submission())
    announce(worker, *announced, redis=redis)
    await time_passes(0.1)

    await gateway.sweep()
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert job.failure is not None
    assert job.failure.code == code
    assert detail in job.failure.detail
    assert redis.zcard(keyspace.of_version(keyspace.QUEUED, 2)) == 0


async def test_a_run_that_an_older_process_ended_is_removed_from_the_queue(
    gateway: GatewayLedger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ledger.gateway.RESEND_AFTER_MS", 0)
    accepted = await gateway.submit(submission())
    running = keyspace.of_version(keyspace.RUNNING, 2)
    redis.zadd(running, {accepted.run_id: 1})
    # Scripts of an older release do not know the indexes of version 2.
    redis.hset(keyspace.RUN + accepted.run_id, "state", "canceled")
    await time_passes(0.01)

    swept = await gateway.sweep()
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert swept is not None
    assert (swept.given_back, swept.sent_again) == (0, 0)
    assert redis.zcard(keyspace.of_version(keyspace.QUEUED, 2)) == redis.zcard(running) == 0
    assert job.state is JobState.CANCELED


async def test_every_key_of_a_drained_ledger_expires(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    accepted = [await gateway.submit(image(number, version=2)) for number in range(3)]
    worker.succeed(claimed(worker, accepted[0].run_id).run_id, result=b"{}", timings=TIMINGS)
    worker.release(claimed(worker, accepted[1].run_id), uses_attempt=False)
    for job in accepted[1:]:
        await gateway.cancel(job.job_id, owner=OWNER)

    assert {key for key in redis.scan_iter() if redis.ttl(key) == -1} == {SECOND.encode()}
