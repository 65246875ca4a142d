"""Clients take turns in image decoding, so that many images of one client do not delay other clients."""

import json
import time
from collections.abc import Callable

import pytest
from redis import Redis

from common.errors import QueueFull, RateLimited
from common.jobs import JobFailure, JobState, Timings
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Accepted, Claim, Submission, Verdict
from common.ledger.worker import WorkerLedger
from common.redis import keyspace
from common.settings import Settings
from tests.ledgers import OWNER
from tests.polling import eventually, eventually_async

MakeSettings = Callable[..., Settings]
MakeGateway = Callable[[Settings], GatewayLedger]
MakeWorker = Callable[..., WorkerLedger]
Submit = Callable[..., Submission]

TIMINGS = Timings.of(total_ms=10, decode_ms=1, embed_ms=2, search_ms=3)
FLOOD, OTHER = "address:192.0.2.1", "address:192.0.2.2"
#: Two estimated decoding times in seconds: one above the limit of a client's turn, and one far below the
#: limit.
LONG_S, SHORT_S = 1.5, 0.01


class Ledger:
    """A ledger to which clients submit images of a known cost."""

    def __init__(
        self, redis: Redis, *, gateway: GatewayLedger, worker: WorkerLedger, submission: Submit
    ) -> None:
        self.redis, self.gateway, self.worker = redis, gateway, worker
        self._submission = submission
        self._count = 0

    async def submit(self, client: str, cost_s: float, *, key: str | None = None, size: int = 1) -> Accepted:
        self._count += 1
        image = f"{self._count:064x}", bytes(size)
        key = key or f"key {self._count}"
        made = self._submission(client=client, decode_cost_s=cost_s, query_key=key, images=(image,))
        return await self.gateway.submit(made)

    def sent(self) -> list[str]:
        """Return the ids of the runs in the queue, in the order in which workers take them."""
        messages = [json.loads(message) for message in self.redis.lrange(keyspace.QUEUE, 0, -1)]
        return [message["properties"]["correlation_id"] for message in reversed(messages)]

    def claim(self, run_id: str) -> Claim:
        claim = self.worker.claim(run_id)
        assert isinstance(claim, Claim)
        return claim

    def answer(self, run_id: str) -> None:
        self.claim(run_id)
        assert self.worker.succeed(run_id, result=b"{}", timings=TIMINGS)

    def left_over(self) -> set[str]:
        """Return the Redis keys of the clients' turns."""
        names = {key.decode() for key in self.redis.scan_iter("*")}
        return {name for name in names if name.startswith((keyspace.PARKED, keyspace.DECODING))}


@pytest.fixture
def make_ledger(
    redis: Redis,
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    make_worker: MakeWorker,
    submission: Submit,
) -> Callable[..., Ledger]:
    def make(**changes: str) -> Ledger:
        settings = make_settings(**changes)
        return Ledger(
            redis, gateway=make_gateway(settings), worker=make_worker(settings), submission=submission
        )

    return make


@pytest.fixture
def ledger(make_ledger: Callable[..., Ledger]) -> Ledger:
    return make_ledger()


async def test_each_client_has_at_most_one_long_image_sent_to_the_workers(ledger: Ledger) -> None:
    floods = [await ledger.submit(FLOOD, LONG_S) for _ in range(5)]
    other = await ledger.submit(OTHER, LONG_S)

    assert ledger.sent() == [floods[0].run_id, other.run_id]


async def test_the_next_image_is_sent_when_the_previous_run_ends(ledger: Ledger) -> None:
    first, second, third, fourth = [(await ledger.submit(FLOOD, LONG_S)).run_id for _ in range(4)]

    ledger.answer(first)
    assert ledger.sent()[-1] == second
    ledger.worker.fail(ledger.claim(second), JobFailure(code="image_too_costly", detail="too long"))
    assert ledger.sent()[-1] == third
    await ledger.gateway.cancel(third, owner=OWNER)
    assert ledger.sent()[-1] == fourth
    ledger.answer(fourth)

    assert ledger.left_over() == set()


async def test_short_images_are_sent_up_to_the_capacity_of_the_decoders(ledger: Ledger) -> None:
    ledger.worker.renew({"ready": True, "decoders": 4}, ttl_s=10, run_ids=())

    runs = [(await ledger.submit(FLOOD, SHORT_S)).run_id for _ in range(150)]

    assert len(ledger.sent()) == 4 * 25
    ledger.answer(runs[0])
    assert ledger.sent()[-1] == runs[100]


async def test_texts_and_runs_of_older_gateways_are_sent_at_once(ledger: Ledger, submission: Submit) -> None:
    await ledger.submit(FLOOD, LONG_S)
    texts = [await ledger.gateway.submit(submission(f"text {n}", client="")) for n in range(5)]

    assert ledger.sent()[1:] == [text.run_id for text in texts]
    ledger.redis.hdel(keyspace.RUN + texts[0].run_id, "client", "decode_ms")
    claim = ledger.claim(texts[0].run_id)
    assert (claim.client, claim.decode_ms) == ("", 0)
    ledger.worker.succeed(texts[0].run_id, result=b"{}", timings=TIMINGS)


async def test_a_claim_has_the_client_and_the_decoding_cost(ledger: Ledger) -> None:
    accepted = await ledger.submit(OTHER, 0.0421)

    claim = ledger.claim(accepted.run_id)

    assert (claim.client, claim.decode_ms) == (OTHER, 43)


async def test_a_parked_job_is_queued_behind_the_sent_ones(ledger: Ledger) -> None:
    await ledger.submit(FLOOD, LONG_S)
    parked = await ledger.submit(FLOOD, LONG_S)

    job, _ = await ledger.gateway.job(parked.job_id, owner=OWNER)
    load = await ledger.gateway.load()

    assert (job.state, job.position) == (JobState.QUEUED, 2)
    assert load.queued == 2


async def test_the_waiting_images_of_one_client_do_not_block_others(
    make_ledger: Callable[..., Ledger],
) -> None:
    ledger = make_ledger(MAX_QUEUE_DEPTH="10", MAX_QUEUE_AGE_S="1", MAX_HELD_IMAGE_BYTES="1000")
    for _ in range(5):
        await ledger.submit(FLOOD, 0.3, size=100)
    with pytest.raises(QueueFull):
        await ledger.submit(FLOOD, 0.3, size=100)

    for _ in range(4):
        await ledger.submit(OTHER, SHORT_S, size=100)

    with pytest.raises(QueueFull):
        await ledger.gateway.check_room(owner=OWNER, max_jobs=None, image_bytes=100, client=FLOOD)
    await ledger.gateway.check_room(owner=OWNER, max_jobs=None, image_bytes=100, client=OTHER)


async def test_the_waiting_images_of_a_client_are_limited_by_the_deadline(ledger: Ledger) -> None:
    for _ in range(30):
        await ledger.submit(FLOOD, LONG_S)

    with pytest.raises(RateLimited, match="more images waiting"):
        await ledger.submit(FLOOD, LONG_S)

    await ledger.submit(OTHER, LONG_S)


async def test_joining_a_parked_run_uses_the_turn_of_the_second_client(ledger: Ledger) -> None:
    first = await ledger.submit(FLOOD, LONG_S)
    parked = await ledger.submit(FLOOD, LONG_S, key="wanted")
    last = await ledger.submit(FLOOD, LONG_S)

    joined = await ledger.submit(OTHER, LONG_S, key="wanted")

    assert joined.run_id == parked.run_id
    assert ledger.sent() == [first.run_id, parked.run_id]
    ledger.answer(parked.run_id)
    ledger.answer(first.run_id)
    assert ledger.sent()[-1] == last.run_id
    ledger.answer(last.run_id)
    assert ledger.left_over() == set()


async def test_a_released_run_keeps_its_turn(ledger: Ledger) -> None:
    first = await ledger.submit(FLOOD, LONG_S)
    await ledger.submit(FLOOD, LONG_S)

    ledger.worker.release(ledger.claim(first.run_id), uses_attempt=True)

    assert set(ledger.sent()) == {first.run_id}


async def test_a_client_with_an_underestimated_image_has_one_run_under_way(ledger: Ledger) -> None:
    runs = [(await ledger.submit(FLOOD, SHORT_S)).run_id for _ in range(5)]
    other = await ledger.submit(OTHER, SHORT_S)
    ledger.claim(runs[0])

    assert ledger.worker.charge(FLOOD, excess_s=2.0) == 4

    assert [ledger.worker.claim(run_id) for run_id in runs[1:]] == [Verdict.HELD] * 4
    ledger.claim(other.run_id)
    late = await ledger.submit(FLOOD, SHORT_S)
    under_way, ended = runs[0], []
    for _ in runs:
        assert ledger.worker.succeed(under_way, result=b"{}", timings=TIMINGS)
        ended.append(under_way)
        under_way = ledger.sent()[-1]
        ledger.claim(under_way)
    assert set(ended) == set(runs)
    assert under_way == late.run_id
    for run_id in (late.run_id, other.run_id):
        ledger.worker.succeed(run_id, result=b"{}", timings=TIMINGS)
    assert ledger.left_over() == set()


async def test_a_released_run_of_a_client_with_an_underestimated_image_waits_for_its_turn(
    ledger: Ledger,
) -> None:
    runs = [(await ledger.submit(FLOOD, SHORT_S)).run_id for _ in range(3)]
    claims = [ledger.claim(run_id) for run_id in runs]
    ledger.worker.charge(FLOOD, excess_s=2.0)

    for claim in claims[1:]:
        assert ledger.worker.release(claim, uses_attempt=False)

    load = await ledger.gateway.load()
    assert (load.queued, load.running) == (2, 1)
    assert [ledger.worker.claim(run_id) for run_id in runs[1:]] == [Verdict.HELD] * 2
    ledger.worker.fail(claims[0], JobFailure(code="image_too_costly", detail="too long"))
    again = ledger.claim(ledger.sent()[-1])
    assert again.run_id in runs[1:]
    assert again.attempt == 1


async def test_a_client_whose_only_run_is_released_gets_it_back_at_once(ledger: Ledger) -> None:
    accepted = await ledger.submit(FLOOD, SHORT_S)
    claim = ledger.claim(accepted.run_id)
    ledger.worker.charge(FLOOD, excess_s=2.0)

    ledger.worker.release(claim, uses_attempt=False)

    assert ledger.sent()[-1] == accepted.run_id
    assert ledger.claim(accepted.run_id).attempt == 1


async def test_a_small_excess_allows_as_many_images_as_fit_in_a_turn(ledger: Ledger) -> None:
    await ledger.submit(FLOOD, SHORT_S)
    ledger.worker.charge(FLOOD, excess_s=0.04)

    for _ in range(9):
        await ledger.submit(FLOOD, SHORT_S)

    # A client may use 250 ms in a turn; the first run is charged 10 ms, and each further run 50 ms.
    assert len(set(ledger.sent())) == 1 + 4


async def test_an_underestimate_is_forgotten_after_a_minute_without_another(ledger: Ledger) -> None:
    ledger.worker.charge(FLOOD, excess_s=2.0)
    ledger.worker.charge(FLOOD, excess_s=0.1)
    name = keyspace.OVERRUN + FLOOD

    assert ledger.redis.get(name) == b"2000"
    assert 0 < ledger.redis.pttl(name) <= 60_000
    ledger.redis.delete(name)
    for _ in range(3):
        await ledger.submit(FLOOD, SHORT_S)
    assert len(ledger.sent()) == 3


async def test_images_of_an_underestimated_client_that_wait_are_limited_by_the_deadline(
    ledger: Ledger,
) -> None:
    ledger.worker.charge(FLOOD, excess_s=2.0)
    for _ in range(23):
        await ledger.submit(FLOOD, SHORT_S)

    with pytest.raises(RateLimited, match="more images waiting"):
        await ledger.submit(FLOOD, SHORT_S)

    await ledger.submit(OTHER, SHORT_S)


async def test_canceling_an_image_does_not_hide_what_it_took(ledger: Ledger) -> None:
    first, *waiting = [await ledger.submit(FLOOD, SHORT_S) for _ in range(3)]
    ledger.claim(first.run_id)
    await ledger.gateway.cancel(first.job_id, owner=OWNER)

    ledger.worker.charge(FLOOD, excess_s=2.0)

    claims = [ledger.worker.claim(job.run_id) for job in waiting]
    assert sorted(claim is Verdict.HELD for claim in claims) == [False, True]


async def test_the_sweeper_ends_turns_that_an_older_process_left_open(ledger: Ledger) -> None:
    first = await ledger.submit(FLOOD, LONG_S)
    second = await ledger.submit(FLOOD, LONG_S)
    # End the run like an older worker, which does not end the client's turn.
    ledger.redis.hset(keyspace.RUN + first.run_id, "state", "succeeded")
    for index in (keyspace.QUEUED, keyspace.DEADLINES):
        ledger.redis.zrem(index, first.run_id)
    ledger.redis.zadd(keyspace.PARKED, {second.run_id: 1})

    ledger.worker.sweep()

    assert ledger.sent()[-1] == second.run_id


async def test_an_overdue_parked_job_names_the_other_images_of_its_client(
    make_ledger: Callable[..., Ledger],
) -> None:
    ledger = make_ledger(JOB_DEADLINE_S="2.5")
    ledger.worker.renew({"ready": True, "decoders": 1}, ttl_s=60, run_ids=())
    first = await ledger.submit(FLOOD, 0.3)
    second = await ledger.submit(FLOOD, 0.3)

    def swept() -> bool:
        ledger.worker.sweep()
        return not ledger.redis.zcard(keyspace.DEADLINES)

    eventually(swept, within_s=30)

    ends = [(await ledger.gateway.job(job.job_id, owner=OWNER))[0].failure for job in (first, second)]
    assert [end.code for end in ends if end] == ["deadline_exceeded"] * 2
    assert ends[1] is not None
    assert "other images of the same client" in ends[1].detail
    assert ledger.left_over() == set()


async def test_an_overdue_job_reports_that_no_decoder_was_free(
    make_ledger: Callable[..., Ledger],
) -> None:
    ledger = make_ledger(JOB_DEADLINE_S="2")
    accepted = await ledger.submit(OTHER, SHORT_S)
    claim = ledger.claim(accepted.run_id)
    ledger.worker.release(claim, uses_attempt=False, delay_reason="no image decoder became free in time")

    async def failed() -> bool:
        if time.time() * 1000 > claim.deadline_ms:
            ledger.worker.claim(accepted.run_id)
        return (await ledger.gateway.job(accepted.job_id, owner=OWNER))[0].state is JobState.FAILED

    await eventually_async(failed, within_s=30)

    failure = (await ledger.gateway.job(accepted.job_id, owner=OWNER))[0].failure
    assert failure is not None
    assert failure.code == "deadline_exceeded"
    assert "no image decoder became free in time" in failure.detail
