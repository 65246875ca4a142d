"""The ledger guarantees one result per job, no lost job, and a terminal state by the deadline."""

import asyncio
from collections.abc import Callable

import pytest
from redis import Redis
from redis.client import PubSub

from common.cache.results import Entry
from common.errors import IdempotencyConflict, JobNotFound, QueueFull
from common.jobs import JobFailure, JobState, Timings
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim, RunAnswer, Submission, Verdict, read_event
from common.ledger.worker import CachedFor, WorkerLedger
from common.redis import keyspace
from common.settings import Settings
from tests.ledgers import OWNER
from tests.polling import eventually, time_passes

MakeSettings = Callable[..., Settings]
MakeGateway = Callable[[Settings], GatewayLedger]
MakeWorker = Callable[..., WorkerLedger]
Submit = Callable[..., Submission]

TIMINGS = Timings.of(total_ms=10, decode_ms=1, embed_ms=2, search_ms=3)
RESULT = b'{"job_id":null,"success":true}'
CACHED_FOR = CachedFor("m", ranking_ttl_ms=60_000)


def claimed(worker: WorkerLedger, run_id: str) -> Claim:
    claim = worker.claim(run_id)
    assert isinstance(claim, Claim)
    return claim


def messages(events: PubSub, *, count: int) -> list[dict[str, bytes]]:
    return [eventually(lambda: events.get_message(timeout=0.1), within_s=10) for _ in range(count)]


async def state(gateway: GatewayLedger, job_id: str) -> JobState:
    return (await gateway.job(job_id, owner=OWNER))[0].state


async def test_a_job_goes_from_queued_through_running_to_its_result(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())

    accepted = await gateway.submit(submission())
    queued, _ = await gateway.job(accepted.job_id, owner=OWNER)
    claim = claimed(worker, accepted.run_id)
    running = await state(gateway, accepted.job_id)
    assert worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS)
    done, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert (queued.state, queued.position) == (JobState.QUEUED, 1)
    assert running is JobState.RUNNING
    assert done.state is JobState.SUCCEEDED
    assert done.result == RESULT
    assert done.timings == TIMINGS.as_document()


async def test_the_event_at_the_end_of_a_run_carries_its_answer(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    accepted = await gateway.submit(submission())

    with PubSub(redis.connection_pool, ignore_subscribe_messages=True) as events:
        events.subscribe(keyspace.EVENTS)
        worker.succeed(claimed(worker, accepted.run_id).run_id, result=RESULT, timings=TIMINGS)
        received = [read_event(message["data"]) for message in messages(events, count=2)]

    assert [(event.name, event.state) for event in received] == [
        (accepted.run_id, JobState.RUNNING),
        (accepted.run_id, JobState.SUCCEEDED),
    ]
    assert received[0].answer() is None
    assert received[1].answer() == RunAnswer(RESULT, TIMINGS.as_document())


@pytest.mark.parametrize("forgotten", [False, True])
async def test_the_cache_entries_of_a_run_exist_once_it_has_ended(
    *,
    forgotten: bool,
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    accepted = await gateway.submit(submission())
    claim = claimed(worker, accepted.run_id)

    if forgotten:
        redis.script_flush()
    entries = [Entry("kept:1", b"one", 60_000), Entry("kept:2", b"two", 60_000)]
    assert worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS, entries=entries)

    assert redis.mget("kept:1", "kept:2") == [b"one", b"two"]
    assert 0 < redis.pttl("kept:1") <= 60_000
    assert await state(gateway, accepted.job_id) is JobState.SUCCEEDED


async def test_a_claim_includes_the_cached_entries_of_its_run(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    known, unknown = submission("known"), submission("unknown")
    (content,) = known.contents
    redis.mset({keyspace.result(known.query_key): b"result", keyspace.embedding("m", content): b"embedding"})
    redis.set(keyspace.ranking(known.ranking_key), b"ranking", px=1000)
    run_ids = [(await gateway.submit(each)).run_id for each in (known, unknown, submission("not asked"))]

    claims = [
        worker.claim(run_id, cached_for=cached_for)
        for run_id, cached_for in zip(run_ids, (CACHED_FOR, CACHED_FOR, None), strict=True)
    ]

    assert [claim.cached for claim in claims if isinstance(claim, Claim)] == [
        (b"result", b"embedding"),
        (None, None),
        None,
    ]
    assert [claim.contents for claim in claims if isinstance(claim, Claim)][:2] == [
        known.contents,
        unknown.contents,
    ]
    assert [claim.ranking for claim in claims if isinstance(claim, Claim)] == [
        (known.ranking_key, b"ranking"),
        (unknown.ranking_key, None),
        None,
    ]
    assert 50_000 < redis.pttl(keyspace.ranking(known.ranking_key)) <= CACHED_FOR.ranking_ttl_ms


async def test_a_run_of_an_older_gateway_can_be_claimed(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    accepted = await make_gateway(make_settings()).submit(submission())
    # Older gateways wrote runs without these fields.
    redis.hdel(f"{keyspace.RUN}{accepted.run_id}", "contents", "ranking_key")

    claim = make_worker(make_settings()).claim(accepted.run_id, cached_for=CACHED_FOR)

    assert isinstance(claim, Claim)
    assert (claim.contents, claim.cached, claim.ranking) == ((), (None,), None)


async def test_positions_follow_the_order_of_submission(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())

    accepted = []
    for words in ("a", "b", "c"):
        accepted.append(await gateway.submit(submission(words)))
        await time_passes(0.002)
    positions = [(await gateway.job(a.job_id, owner=OWNER))[0].position for a in accepted]

    assert positions == [1, 2, 3]


async def test_concurrent_identical_queries_run_once_and_all_get_the_result(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())

    accepted = await asyncio.gather(*(gateway.submit(submission()) for _ in range(100)))
    runs = {a.run_id for a in accepted}
    (run_id,) = runs
    claim = claimed(worker, run_id)
    worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS)
    states = {await state(gateway, a.job_id) for a in accepted}

    assert len({a.job_id for a in accepted}) == 100
    assert sum(a.is_new for a in accepted) == 1
    assert redis.llen(keyspace.QUEUE) == 1
    assert states == {JobState.SUCCEEDED}


async def test_an_ended_run_is_not_joined(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    first = await gateway.submit(submission())
    worker.fail(claimed(worker, first.run_id), JobFailure("internal", "x"))

    second = await gateway.submit(submission())

    assert second.run_id != first.run_id


async def test_a_duplicate_message_does_not_claim_a_held_run(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    settings = make_settings()
    gateway, one, two = make_gateway(settings), make_worker(settings, "w1"), make_worker(settings, "w2")
    accepted = await gateway.submit(submission())

    claimed(one, accepted.run_id)

    assert two.claim(accepted.run_id) is Verdict.HELD
    assert two.claim("ab" * 16) is Verdict.GONE


async def test_only_the_first_result_counts(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    accepted = await gateway.submit(submission())
    claim = claimed(worker, accepted.run_id)

    first = worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS)
    second = worker.succeed(claim.run_id, result=b"{}", timings=TIMINGS)
    undone = worker.fail(claim, JobFailure("internal", "late"))

    assert (first, second, undone) == (True, False, False)
    assert (await gateway.job(accepted.job_id, owner=OWNER))[0].result == RESULT
    assert worker.claim(accepted.run_id) is Verdict.ENDED


async def test_the_run_of_a_dead_worker_is_requeued_and_its_late_failure_ignored(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    settings = make_settings(LEASE_S="0.05")
    gateway, dead, alive = (
        make_gateway(settings),
        make_worker(settings, "dead"),
        make_worker(settings, "alive"),
    )
    accepted = await gateway.submit(submission())
    stale = claimed(dead, accepted.run_id)
    await time_passes(0.1)

    swept = await gateway.sweep()
    fresh = claimed(alive, accepted.run_id)
    late = dead.fail(stale, JobFailure("internal", "late"))

    assert swept is not None
    assert swept.given_back == 1
    assert fresh.attempt == 2
    assert late is False
    assert await state(gateway, accepted.job_id) is JobState.RUNNING


async def test_a_renewed_lease_is_kept_and_a_lost_one_is_reported(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    settings = make_settings()
    gateway, worker = make_gateway(settings), make_worker(settings)
    kept, canceled = await gateway.submit(submission("a")), await gateway.submit(submission("b"))
    claimed(worker, kept.run_id)
    claimed(worker, canceled.run_id)
    await gateway.cancel(canceled.job_id, owner=OWNER)

    lost = worker.renew({"id": "w1"}, ttl_s=5, run_ids=[kept.run_id, canceled.run_id])

    assert lost == {canceled.run_id}


async def test_a_run_fails_after_three_unfinished_attempts(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    accepted = await gateway.submit(submission())

    for _ in range(3):
        worker.release(claimed(worker, accepted.run_id), uses_attempt=True)
    verdict = worker.claim(accepted.run_id)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert verdict is Verdict.ENDED
    assert job.failure is not None
    assert job.failure.code == "attempts_exhausted"


async def test_a_drained_run_does_not_use_up_an_attempt(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    accepted = await gateway.submit(submission())

    worker.release(claimed(worker, accepted.run_id), uses_attempt=False)

    assert claimed(worker, accepted.run_id).attempt == 1


@pytest.mark.parametrize(("ready", "code"), [(True, "deadline_exceeded"), (False, "no_worker")])
async def test_an_overdue_job_fails_with_the_reason(
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
    ready: bool,
    code: str,
) -> None:
    settings = make_settings(JOB_DEADLINE_S="0.05")
    gateway, worker = make_gateway(settings), make_worker(settings)
    worker.renew({"id": "w1", "ready": ready}, ttl_s=5, run_ids=[])
    accepted = await gateway.submit(submission())
    await time_passes(0.1)

    await gateway.sweep()
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert job.failure is not None
    assert job.failure.code == code


async def test_a_lost_message_is_sent_again_once(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    submission: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A worker has taken the message from the queue and died before it claimed the run.
    monkeypatch.setattr("common.ledger.gateway.RESEND_AFTER_MS", 20)
    gateway = make_gateway(make_settings())
    accepted = await gateway.submit(submission("lost"))
    redis.delete(keyspace.QUEUE)
    kept = await gateway.submit(submission("kept"))
    await time_passes(0.05)

    swept = await gateway.sweep()
    redis.delete(keyspace.SWEEPING)
    again = await gateway.sweep()
    messages = redis.lrange(keyspace.QUEUE, 0, -1)

    assert swept is not None
    assert swept.sent_again == 1
    assert again is not None
    assert again.sent_again == 0
    assert len(messages) == 2
    # Workers take messages from the right end of the list, so the oldest message is next.
    assert accepted.run_id.encode() in messages[-1]
    assert kept.run_id.encode() in messages[0]


async def test_only_one_process_sweeps_at_a_time(
    make_settings: MakeSettings, make_gateway: MakeGateway
) -> None:
    gateway = make_gateway(make_settings())

    turns = await asyncio.gather(*(gateway.sweep() for _ in range(10)))

    assert sum(turn is not None for turn in turns) == 1


async def test_canceling_one_of_two_joined_jobs_keeps_the_result_of_the_other(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    one, two = await gateway.submit(submission()), await gateway.submit(submission())

    await gateway.cancel(one.job_id, owner=OWNER)
    claim = claimed(worker, two.run_id)
    worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS)

    assert await state(gateway, one.job_id) is JobState.CANCELED
    assert await state(gateway, two.job_id) is JobState.SUCCEEDED


async def test_canceling_the_last_job_ends_the_run(
    make_settings: MakeSettings, make_gateway: MakeGateway, make_worker: MakeWorker, submission: Submit
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    one, two = await gateway.submit(submission()), await gateway.submit(submission())

    await gateway.cancel(one.job_id, owner=OWNER)
    await gateway.cancel(two.job_id, owner=OWNER)

    assert worker.claim(one.run_id) is Verdict.ENDED
    assert await gateway.ended([one.run_id]) == {one.run_id}


async def test_another_owners_job_cannot_be_seen_or_canceled(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())
    accepted = await gateway.submit(submission())

    await gateway.cancel(accepted.job_id, owner="somebody else")

    with pytest.raises(JobNotFound):
        await gateway.job(accepted.job_id, owner="somebody else")
    assert await state(gateway, accepted.job_id) is JobState.QUEUED


async def test_an_idempotency_key_identifies_one_request(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())
    key = keyspace.idempotency(OWNER, "00")

    first = await gateway.submit(submission("a", idempotency=(key, "aa")))
    again = await gateway.submit(submission("a", idempotency=(key, "aa")))

    assert again.job_id == first.job_id
    with pytest.raises(IdempotencyConflict):
        await gateway.submit(submission("b", idempotency=(key, "bb")))


@pytest.mark.parametrize(
    ("limits", "images"),
    [({"MAX_QUEUE_DEPTH": "1"}, ()), ({"MAX_HELD_IMAGE_BYTES": "100"}, (("ab", b"x" * 101),))],
)
async def test_a_full_service_refuses_a_job_and_stores_nothing(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    submission: Submit,
    limits: dict[str, str],
    images: tuple[tuple[str, bytes], ...],
) -> None:
    gateway = make_gateway(make_settings(**limits))
    await gateway.submit(submission("a"))
    before = set(redis.keys())

    with pytest.raises(QueueFull) as refused:
        await gateway.submit(submission("b", images=images))

    assert refused.value.retry_after_s >= 1
    assert set(redis.keys()) == before


async def test_a_queue_with_an_old_job_refuses_new_ones(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings(MAX_QUEUE_AGE_S="0.05"))
    await gateway.submit(submission("a"))
    await time_passes(0.1)

    with pytest.raises(QueueFull):
        await gateway.submit(submission("b"))


async def test_an_image_is_stored_once_and_only_while_a_run_needs_it(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    gateway, worker = make_gateway(make_settings()), make_worker(make_settings())
    image = ("ab" * 32, b"x" * 1000)

    one = await gateway.submit(submission("a", images=(image,)))
    two = await gateway.submit(submission("b", images=(image,)))
    held = (await gateway.load()).held_image_bytes
    worker.fail(claimed(worker, one.run_id), JobFailure("internal", "x"))
    after_one = redis.exists(keyspace.image(image[0]))
    await gateway.cancel(two.job_id, owner=OWNER)
    after_both = redis.exists(keyspace.image(image[0]))

    assert held == 1000
    assert (after_one, after_both) == (1, 0)
    assert (await gateway.load()).held_image_bytes == 0


async def test_a_job_answered_from_the_cache_looks_like_one_that_ran(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())

    accepted = await gateway.record(submission(), RESULT)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert job.state is JobState.SUCCEEDED
    assert job.cached
    assert job.result == RESULT
    assert job.ended_ms == job.created_ms


async def test_jobs_with_the_same_cached_answer_share_one_copy_of_the_result(
    redis: Redis, make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())

    accepted = [await gateway.record(submission(), RESULT) for _ in range(50)]
    jobs = [(await gateway.job(one.job_id, owner=OWNER))[0] for one in accepted]

    assert {job.result for job in jobs} == {RESULT}
    assert len({job.id for job in jobs}) == 50
    (run_id,) = {one.run_id for one in accepted}
    assert all(redis.pttl(keyspace.JOB + job.id) <= redis.pttl(keyspace.RUN + run_id) for job in jobs)


@pytest.mark.parametrize("how", ["joined", "recorded"])
async def test_jobs_without_their_own_run_have_a_byte_limit_that_is_released(
    redis: Redis, make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit, how: str
) -> None:
    gateway = make_gateway(make_settings(MAX_SHARED_BYTES="9000", JOB_TTL_S="0.1", JOB_DEADLINE_S="0.1"))
    await gateway.submit(submission("first"))

    async def take() -> None:
        if how == "joined":
            await gateway.submit(submission("first"))
        else:
            await gateway.record(submission("first"), b"x" * 2000)

    async def take_all() -> None:
        while True:
            await take()

    with pytest.raises(QueueFull):
        await take_all()
    await time_passes(0.3)
    redis.delete(keyspace.SWEEPING)
    await gateway.sweep()

    await take()


async def test_an_idempotency_key_identifies_one_request_for_cached_answers(
    make_settings: MakeSettings, make_gateway: MakeGateway, submission: Submit
) -> None:
    gateway = make_gateway(make_settings())
    key = keyspace.idempotency(OWNER, "00")

    first = await gateway.record(submission("a", idempotency=(key, "aa")), RESULT)
    again = await gateway.submit(submission("a", idempotency=(key, "aa")))

    assert (again.job_id, again.is_ahead) == (first.job_id, False)
    with pytest.raises(IdempotencyConflict):
        await gateway.record(submission("b", idempotency=(key, "bb")), RESULT)


async def test_every_key_of_a_drained_ledger_expires(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> None:
    settings = make_settings()
    gateway, worker = make_gateway(settings), make_worker(settings)
    image = ("ab" * 32, b"x" * 10)
    accepted = [await gateway.submit(submission(w, images=(image,))) for w in "abcd"]
    worker.succeed(claimed(worker, accepted[0].run_id).run_id, result=RESULT, timings=TIMINGS)
    worker.fail(claimed(worker, accepted[1].run_id), JobFailure("internal", "x"))
    await gateway.cancel(accepted[2].job_id, owner=OWNER)
    worker.release(claimed(worker, accepted[3].run_id), uses_attempt=True)
    await gateway.cancel(accepted[3].job_id, owner=OWNER)
    await gateway.record(submission(), RESULT)

    lasting = {key for key in redis.scan_iter() if redis.ttl(key) == -1}

    assert lasting == {keyspace.QUEUE.encode()}
