"""Server-sent events about one job: its states and queue positions."""

import asyncio
import time
from collections.abc import AsyncIterator

from api.contract.public_metadata import PublicMetadata
from api.contract.responses.job_serialization import job_json
from api.search.waiters import Waiters
from common.errors import CoverSearchError
from common.jobs import Job
from common.ledger.gateway import GatewayLedger

#: The seconds without an event after which a comment is sent, because proxies close idle connections; 15 s is
#: below the default timeouts of all common proxies.
COMMENT_EVERY_S = 15.0
#: The seconds between reads of a queued job's position.
POLL_EVERY_S = 1.0


async def stream_events(
    job: Job,
    *,
    owner: str,
    ledger: GatewayLedger,
    waiters: Waiters,
    path_prefix: str,
    metadata: PublicMetadata,
    comment_every_s: float = COMMENT_EVERY_S,
) -> AsyncIterator[bytes]:
    """Yield an event for each change of the job's state or position, until the job ends.

    If nothing changes for `comment_every_s`, a comment keeps the connection open.
    """
    shown = None
    sent_at = time.monotonic()
    with waiters.watching(job.run_id) as changed:
        while True:
            if (job.state, job.position) != shown:
                shown = (job.state, job.position)
                sent_at = time.monotonic()
                yield _event(job, path_prefix=path_prefix, metadata=metadata)
            if job.state.is_terminal or waiters.is_closed:
                return
            if time.monotonic() - sent_at > comment_every_s:
                sent_at = time.monotonic()
                yield b": still here\n\n"
            await _pause(changed)
            try:
                job, _ = await ledger.job(job.id, owner=owner)
            except CoverSearchError as error:
                # The status line has already been sent, so the error is sent as an event; the client may try
                # again.
                yield f"event: problem\ndata: {error.code}\n\n".encode()
                return


async def _pause(changed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(POLL_EVERY_S):
            await changed.wait()
    except TimeoutError:
        return
    finally:
        changed.clear()


def _event(job: Job, *, path_prefix: str, metadata: PublicMetadata) -> bytes:
    data = job_json(job, path_prefix=path_prefix, metadata=metadata)
    return b"event: " + job.state.value.encode() + b"\ndata: " + data + b"\n\n"
