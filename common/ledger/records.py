"""What goes into the ledger's scripts and what comes out of them, as typed values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from common.errors import IdempotencyConflict, JobNotFound, QueueFull, RateLimited
from common.jobs import NO_WORK, Job, JobFailure, JobState
from common.settings import Settings

#: How much of its time a job may be expected to wait; the rest is for what the expectation is out by.
WAIT_SHARE = 0.75


def room_document(settings: Settings, *, owner: str, client: str, max_jobs: int | None) -> dict[str, object]:
    """Return what decides whether there is room for a job of this owner and client."""
    document: dict[str, object] = {
        "owner": owner,
        "client": client,
        "max_depth": settings.max_queue_depth,
        "max_age_ms": int(settings.max_queue_age_s * 1000),
        "max_wait_ms": int(settings.job_deadline_s * 1000 * WAIT_SHARE),
        "max_held_bytes": settings.max_held_image_bytes,
    }
    return document if max_jobs is None else {**document, "max_jobs": max_jobs}


@dataclass(frozen=True, slots=True)
class Submission:
    """One submit: what the client asked, and under which id and key it goes into the ledger."""

    job_id: str
    owner: str
    query: bytes
    query_key: str
    #: Hashes of the texts and images that the query is made of: what their embeddings are cached under.
    contents: tuple[str, ...]
    #: The model and the catalog's version that the query key stands for.
    made_from: str = ""
    #: Uploaded bytes by SHA-256, those the query names.
    images: tuple[tuple[str, bytes], ...] = ()
    #: Redis key and SHA-256 of the request, where the client sent an Idempotency-Key.
    idempotency: tuple[str, str] | None = None
    #: How many jobs the owner may have under way at once; None for any number.
    max_jobs: int | None = None
    #: Whose turn at the decoders it takes: the owner or, of jobs of nobody, an address.
    client: str = ""
    #: Seconds of CPU that decoding the images takes, as estimated.
    decode_cost_s: float = 0.0

    def to_json(self, settings: Settings) -> bytes:
        document: dict[str, object] = {
            **room_document(settings, owner=self.owner, client=self.client, max_jobs=self.max_jobs),
            "decode_ms": math.ceil(self.decode_cost_s * 1000),
            "job_id": self.job_id,
            "query": self.query.decode(),
            "max_shared_bytes": settings.max_shared_bytes,
            "key": self.query_key,
            "contents": " ".join(self.contents),
            "made_from": self.made_from,
            "deadline_ms": int(settings.job_deadline_s * 1000),
            "ttl_ms": int(settings.job_ttl_s * 1000),
            # An image outlives every attempt at its run, and no longer.
            "image_ttl_ms": int((settings.job_deadline_s + settings.lease_s) * 1000),
        }
        if self.idempotency is not None:
            document["idempotency_key"], document["request_hash"] = self.idempotency
        return orjson.dumps(document)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that stands in the ledger, and the run that it waits for."""

    job_id: str
    run_id: str
    #: A run was written for it: it joined none, repeats none, and was not answered by the cache.
    is_new: bool
    #: Its run has only now been written or joined: its end lies ahead.
    is_ahead: bool


class Verdict(StrEnum):
    """What became of a worker's claim."""

    CLAIMED = "claimed"
    #: The run is unknown or has expired.
    GONE = "gone"
    #: It has ended: done by another, canceled, or past its deadline.
    ENDED = "ended"
    #: Another worker's lease is running.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Claim:
    """A run leased to this worker; times are Redis's, in milliseconds since the epoch."""

    run_id: str
    query: bytes
    query_key: str
    #: Hashes of the texts and images that the query is made of.
    contents: tuple[str, ...]
    #: The model and the catalog's version that the query key stands for.
    made_from: str
    attempt: int
    created_ms: int
    deadline_ms: int
    claimed_ms: int
    #: Whose turn at the decoders it takes; empty for a run that a gateway of before wrote.
    client: str = ""
    #: Milliseconds of CPU that decoding the images takes, as estimated.
    decode_ms: int = 0
    #: The cache's entries for the query key and for each of the contents; None where it was not asked.
    cached: tuple[bytes | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What a run succeeded with: finished JSON, and where its time went, in milliseconds."""

    result: bytes
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Event:
    """A change that the ledger has told: of a run by its id, or of a job by its key."""

    name: str
    state: JobState
    _more: bytes

    def answer(self) -> RunAnswer | None:
        """Return what the run succeeded with; None where it did not."""
        if not self._more:
            return None
        timings, _, result = self._more.partition(b"\n")
        return RunAnswer(result, orjson.loads(timings))


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the service is and which workers are alive."""

    queued: int
    running: int
    oldest_age_ms: int
    held_image_bytes: int
    retry_after_s: int
    #: Announcements, that which lasts longest at the end.
    workers: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one turn of the sweeper did."""

    ended: int
    given_back: int
    sent_again: int


_FULL = {
    b"full_depth": "the queue is full",
    b"full_age": "the oldest job in the queue has waited too long",
    b"full_wait": "the jobs before it leave it too little of the time that it may take",
    b"full_images": "too many image bytes are waiting",
    b"full_shared": "too many jobs share a run or a cached answer",
}


def read_submission(reply: Sequence[Any]) -> Accepted:
    """Read the answer of `submit.lua` and `record.lua`.

    Raises:
        IdempotencyConflict: the Idempotency-Key stands for another request.
        QueueFull, RateLimited: the job cannot be taken now.
    """
    outcome, job_id, run_id, retry_after_s = reply
    if outcome == b"conflict":
        raise IdempotencyConflict("this Idempotency-Key was used with another request")
    check_room(outcome, int(retry_after_s))
    return Accepted(
        job_id=job_id.decode(),
        run_id=run_id.decode(),
        is_new=outcome == b"accepted",
        is_ahead=outcome in {b"accepted", b"joined"},
    )


def check_room(outcome: bytes, retry_after_s: int) -> None:
    """Accept what a script says of the room there is.

    Raises:
        QueueFull: the service cannot take a job now.
        RateLimited: this owner has as many jobs under way, or this client as many images, as it may.
    """
    if outcome == b"full_owner":
        raise RateLimited(
            "this key has as many jobs under way as it may have (MAX_JOBS_PER_KEY)",
            retry_after_s=retry_after_s,
        )
    if outcome == b"full_turns":
        raise RateLimited(
            "you have more images waiting than could be decoded before their deadline",
            retry_after_s=retry_after_s,
        )
    if outcome in _FULL:
        raise QueueFull(_FULL[outcome], retry_after_s=retry_after_s)


def read_event(message: bytes) -> Event:
    """Read one message of the channel `events`."""
    name, _, rest = message.partition(b" ")
    state, _, more = rest.partition(b" ")
    return Event(name.decode(), JobState(state.decode()), more)


def read_claim(run_id: str, reply: Sequence[Any]) -> Claim | Verdict:
    """Read the answer of `claim.lua`."""
    verdict = Verdict(reply[0].decode())
    if verdict is not Verdict.CLAIMED:
        return verdict
    _, query, key, contents, made_from, attempt, created_ms, deadline_ms, now_ms, *more = reply
    client, decode_ms, *cached = more
    return Claim(
        run_id=run_id,
        query=query,
        query_key=key.decode(),
        contents=tuple(contents.decode().split()),
        made_from=made_from.decode(),
        attempt=attempt,
        created_ms=created_ms,
        deadline_ms=deadline_ms,
        claimed_ms=now_ms,
        client=client.decode(),
        decode_ms=decode_ms,
        cached=tuple(cached[0]) if cached else None,
    )


def read_job(job_id: str, reply: Sequence[Any] | None) -> tuple[Job, int]:
    """Read the answer of `view.lua`: the job, and in how many seconds to ask again.

    Raises:
        JobNotFound: there is no such job, or it is another owner's.
    """
    if reply is None:
        raise JobNotFound(f"no job {job_id}: unknown, expired, or not yours")
    (
        run_id,
        query,
        created,
        coalesced,
        canceled,
        cached,
        state,
        started,
        ended,
        attempts,
        timings,
        error,
        result,
        of_other_version,
        rank,
        retry_after_s,
    ) = reply
    shown = JobState.CANCELED if canceled else JobState(state.decode())
    document = orjson.loads(query)
    document.pop("v")
    is_cached = cached == b"1"
    job = Job(
        id=job_id,
        run_id=run_id.decode(),
        state=shown,
        query=document,
        created_ms=int(created),
        started_ms=_int(started),
        # What the cache has answered ended as it began, whenever the run that it shares was recorded.
        ended_ms=_int(created if is_cached else canceled or ended),
        position=rank + 1 if rank is not None and shown is JobState.QUEUED else None,
        cached=is_cached,
        coalesced=coalesced == b"1",
        attempts=int(attempts),
        timings=NO_WORK.as_document() if is_cached else orjson.loads(timings) if timings else None,
        failure=JobFailure.from_json(error) if error and shown is JobState.FAILED else None,
        result=result if shown is JobState.SUCCEEDED else None,
        matches_key=of_other_version is None,
    )
    return job, int(retry_after_s)


def read_load(reply: Sequence[Any]) -> Load:
    """Read the answer of `load.lua`."""
    workers = tuple(orjson.loads(announcement) for announcement in reply[5:] if announcement)
    queued, running, oldest_age_ms, held_image_bytes, retry_after_s = (int(n) for n in reply[:5])
    return Load(
        queued=queued,
        running=running,
        oldest_age_ms=oldest_age_ms,
        held_image_bytes=held_image_bytes,
        retry_after_s=retry_after_s,
        workers=workers,
    )


def read_sweep(reply: Sequence[Any] | None) -> Sweep | None:
    """Read the answer of `sweep.lua`; None where another process has had the turn."""
    return None if reply is None else Sweep(*(int(figure) for figure in reply))


def _int(value: bytes | None) -> int | None:
    return None if value is None else int(value)
