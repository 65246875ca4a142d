"""The gateway's asyncio client of the ledger: submit, read, cancel and sweep jobs."""

from collections.abc import Sequence
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.errors import QueueUnavailable
from common.jobs import Job, JobState
from common.ledger.live_figures import KINDS_COUNTED, Overview, read_overview
from common.ledger.records import (
    Accepted,
    Load,
    Submission,
    Sweep,
    check_room,
    read_job,
    read_load,
    read_submission,
    read_sweep,
    room_document,
)
from common.ledger.scripts import RESEND_AFTER_MS, SWEEP_EVERY_MS, script_text
from common.redis.multiplexed_client import MultiplexedRedis
from common.settings import Settings


class GatewayLedger:
    """A client of the ledger; every call raises `QueueUnavailable` if Redis does not answer in time."""

    def __init__(self, redis: Redis, *, settings: Settings, template: str) -> None:
        self._redis = MultiplexedRedis(redis)
        self._settings = settings
        self.template = template
        names = (
            "submit",
            "check_admission",
            "record_cached_job",
            "read_job",
            "cancel",
            "read_job_states",
            "read_load",
            "read_live_figures",
            "sweep",
        )
        self._scripts = {name: redis.register_script(script_text(name)) for name in names}

    async def submit(self, submission: Submission) -> Accepted:
        """Write a job; it joins the unfinished run for its query key, or a new run is created for it.

        Raises:
            NoWorker, QueueFull, RateLimited, IdempotencyConflict: the job was refused, and nothing was
                written.
        """
        images = [item for image in submission.images for item in image]
        reply = await self._run("submit", submission.to_json(self._settings), self.template, *images)
        return read_submission(reply)

    async def check_room(
        self, *, owner: str, max_jobs: int | None, image_bytes: int, client: str = ""
    ) -> None:
        """Check whether a job would be refused now; `submit` makes the final decision.

        Raises:
            QueueFull, RateLimited
        """
        document = room_document(self._settings, owner=owner, client=client, max_jobs=max_jobs)
        outcome, retry_after_s = await self._run("check_admission", orjson.dumps(document), image_bytes)
        check_room(outcome, int(retry_after_s))

    async def record(self, submission: Submission, result: bytes) -> Accepted:
        """Write a job that was answered from the cache.

        Raises:
            QueueFull, IdempotencyConflict: the job was refused, and nothing was written.
        """
        return read_submission(
            await self._run("record_cached_job", submission.to_json(self._settings), result)
        )

    async def job(self, job_id: str, *, owner: str) -> tuple[Job, int]:
        """Return a job, and the number of seconds after which the client should poll again.

        Raises:
            JobNotFound: the job is unknown, has expired, or belongs to another owner.
        """
        return read_job(job_id, await self._run("read_job", job_id, owner))

    async def cancel(self, job_id: str, *, owner: str) -> None:
        """Cancel a job; this has no effect if the job has ended."""
        await self._run("cancel", job_id, owner)

    async def ended(self, job_ids: Sequence[str]) -> set[str]:
        """Return the ids of those jobs that have ended or expired."""
        states = await self._run("read_job_states", *job_ids)
        return {
            job_id
            for job_id, state in zip(job_ids, states, strict=True)
            if not state or JobState(state.decode()).is_terminal
        }

    async def load(self) -> Load:
        """Return the load of the service and the live workers."""
        return read_load(await self._run("read_load"))

    async def overview(self) -> Overview:
        """Return figures of queue, workers and memory; this call takes longer than `load`."""
        return read_overview(await self._run("read_live_figures", KINDS_COUNTED))

    async def sweep(self) -> Sweep | None:
        """Run the sweeper if it is due; return None if another process has just run the sweeper."""
        turn = (self.template, self._settings.max_attempts, RESEND_AFTER_MS, SWEEP_EVERY_MS)
        return read_sweep(await self._run("sweep", *turn))

    async def _run(self, name: str, *args: Any) -> Any:
        try:
            return await self._redis.run(self._scripts[name], args)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"the job queue does not answer ({type(error).__name__})") from error
