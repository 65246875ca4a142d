"""A job's life as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator

from api.contract.responses import job_json
from api.search.waiters import Waiters
from common.errors import CoverSearchError
from common.jobs import Job
from common.ledger.gateway import GatewayLedger

#: Proxies close a connection that is silent for long; 15 s is below all of their defaults.
COMMENT_EVERY_S = 15.0
#: How often a queued job's position is read again.
LOOK_EVERY_S = 1.0


async def follow(
    job: Job,
    *,
    owner: str,
    ledger: GatewayLedger,
    waiters: Waiters,
    path_prefix: str,
    comment_every_s: float = COMMENT_EVERY_S,
) -> AsyncIterator[bytes]:
    """Give an event for each change of the job's state or position, the last when it ends.

    Where nothing changes for so long, a comment keeps the connection.
    """
    shown = None
    told_at = time.monotonic()
    with waiters.watching(job.run_id) as changed:
        while True:
            if (job.state, job.position) != shown:
                shown = (job.state, job.position)
                told_at = time.monotonic()
                yield _event(job, path_prefix=path_prefix)
            if job.state.is_terminal or waiters.is_closed:
                return
            if time.monotonic() - told_at > comment_every_s:
                told_at = time.monotonic()
                yield b": still here\n\n"
            await _pause(changed)
            try:
                job, _ = await ledger.job(job.id, owner=owner)
            except CoverSearchError as error:
                # The stream has begun, so that no status can tell it; the client asks again.
                yield f"event: problem\ndata: {error.code}\n\n".encode()
                return


async def _pause(changed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_EVERY_S):
            await changed.wait()
    except TimeoutError:
        return
    finally:
        changed.clear()


def _event(job: Job, *, path_prefix: str) -> bytes:
    data = job_json(job, path_prefix=path_prefix)
    return b"event: " + job.state.value.encode() + b"\ndata: " + data + b"\n\n"
