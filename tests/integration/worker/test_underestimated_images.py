"""With one decoder, a client whose images take longer than estimated does not delay other clients."""

from dataclasses import replace

from redis import Redis

from benchmarks.costly_images.family import encoded, noise
from benchmarks.costly_images.pngs import chunk, filtered
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Accepted
from common.redis import keyspace
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import OWNER, image_submission
from tests.polling import eventually_async

FLOOD, OTHER = "address:192.0.2.1", "address:192.0.2.2"
FLOODS = 40
PNG_START_BYTES = 33


async def submit(gateway: GatewayLedger, data: bytes, *, client: str) -> Accepted:
    """Submit an image with an estimated decoding time of 2 ms."""
    return await gateway.submit(replace(image_submission(data), client=client, decode_cost_s=0.002))


def slow(number: int) -> bytes:
    """Return a file, different for each number, that takes about half a second to decode."""
    return SLOW[:PNG_START_BYTES] + chunk(b"teSt", number.to_bytes(8)) + SLOW[PNG_START_BYTES:]


SLOW = filtered(4000)


async def test_a_flood_of_underestimated_images_gives_way_to_another_client(
    gateway: GatewayLedger, make_worker_service: StartWorker, redis: Redis
) -> None:
    make_worker_service(DECODER_PROCESSES="1").start()
    floods = [await submit(gateway, slow(number), client=FLOOD) for number in range(FLOODS)]

    await eventually_async(lambda: redis.exists(keyspace.OVERRUN + FLOOD) == 1)
    covers = [encoded(noise(300, 300 + number, grain_px=8), "JPEG") for number in range(3)]
    others = [await submit(gateway, cover, client=OTHER) for cover in covers]
    ends = [await ended_job(gateway, other.job_id) for other in others]
    states = [(await gateway.job(flood.job_id, owner=OWNER))[0].state for flood in floods]
    load = await gateway.load()

    assert {end.state for end in ends} == {JobState.SUCCEEDED}
    # The other clients were answered while most of the flood's earlier images were still waiting.
    assert states.count(JobState.QUEUED) > FLOODS / 2
    assert load.running <= 1
    assert redis.zcard(keyspace.PARKED) > FLOODS / 2
    first = await ended_job(gateway, floods[0].job_id)
    assert (first.state, first.attempts) == (JobState.SUCCEEDED, 1)
