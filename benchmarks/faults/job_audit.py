"""Check how every accepted job ended, over HTTP and from the ledger's events."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from common.jobs import TERMINAL_STATES
from common.redis import keyspace

#: The number of seconds by which a job may end after its deadline; the sweeper runs once a second.
SWEEP_SLACK_S = 2.5
READERS = 16
TRIES = 20


@dataclass(frozen=True, slots=True)
class Audit:
    """The numbers of jobs that were accepted, lost, late, or ended more than once."""

    accepted: int
    lost: int
    unfinished: int
    extra_results: int
    #: The number of jobs for each final state; failed jobs are counted by error code.
    ends: Counter[str]


class Witness:
    """Counts the final events of runs; like a gateway, it misses events while Redis is down."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ends: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="witness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def extra_ends(self) -> int:
        return sum(count - 1 for count in self._ends.values())

    def _listen(self) -> None:
        terminal = {state.value for state in TERMINAL_STATES}
        while not self._stop.is_set():
            try:
                with PubSub(self._redis.connection_pool, ignore_subscribe_messages=True) as pubsub:
                    pubsub.subscribe(keyspace.EVENTS)
                    while not self._stop.is_set():
                        message = pubsub.get_message(timeout=0.2)
                        if message is not None:
                            run_id, _, state = message["data"].decode().partition(" ")
                            self._ends.update([run_id] if state in terminal else [])
            except (RedisError, OSError):
                self._stop.wait(0.2)


async def audit(
    http: httpx.AsyncClient, job_ids: Sequence[str], *, deadline_s: float, witness: Witness
) -> Audit:
    """Read every job twice, and count the missing, late and duplicate results."""
    first = await _read(http, job_ids)
    second = await _read(http, job_ids)
    ended = [job for job in first if job is not None and _is_ended(job)]
    changed = sum(a is not None and _is_ended(a) and a != b for a, b in zip(first, second, strict=True))
    return Audit(
        accepted=len(job_ids),
        lost=len(job_ids) - len(ended),
        unfinished=sum(_took_s(job) > deadline_s + SWEEP_SLACK_S for job in ended),
        extra_results=witness.extra_ends + changed,
        ends=Counter(_end_of(job) for job in ended),
    )


def _is_ended(job: dict[str, Any]) -> bool:
    return job["status"] in {state.value for state in TERMINAL_STATES}


def _end_of(job: dict[str, Any]) -> str:
    return str(job["error"]["code"] if job["error"] else job["status"])


def _took_s(job: dict[str, Any]) -> float:
    created, completed = (datetime.fromisoformat(job[name]) for name in ("created_at", "completed_at"))
    return (completed - created).total_seconds()


async def _read(http: httpx.AsyncClient, job_ids: Sequence[str]) -> list[dict[str, Any] | None]:
    readers = asyncio.Semaphore(READERS)

    async def read(job_id: str) -> dict[str, Any] | None:
        async with readers:
            for _ in range(TRIES):
                answer = await http.get(f"/api/jobs/{job_id}")
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(0.25)
            return answer.json() if answer.status_code == httpx.codes.OK else None

    return await asyncio.gather(*(read(job_id) for job_id in job_ids))
