"""Typed arguments and replies of the ledger's Lua scripts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from common.errors import IdempotencyConflict, JobNotFound, NoWorker, QueueFull, RateLimited
from common.jobs import NO_WORK, Job, JobFailure, JobState
from common.settings import Settings

#: A job is accepted if its expected wait is at most this share of its deadline; the remaining share allows
#: for estimation errors.
WAIT_SHARE = 0.75


def room_document(settings: Settings, *, owner: str, client: str, max_jobs: int | None) -> dict[str, object]:
    """Return a job's owner, its client, and the limits for accepting the job, as arguments for a script."""
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
    """A job to be written to the ledger: the client's query, the job id and the query key."""

    job_id: str
    owner: str
    query: bytes
    query_key: str
    #: Hashes of the query's texts and images, used in the cache keys of their embeddings.
    contents: tuple[str, ...]
    #: The type of the query, by which queued runs are counted.
    kind: str
    #: The version of the query's wire form, which decides the queue; a worker must read this version.
    query_version: int = 1
    #: The model and the catalog version that the query key contains.
    made_from: str = ""
    #: The cache key of the query's ranking.
    ranking_key: str = ""
    #: The SHA-256 and the content of each uploaded image in the query.
    images: tuple[tuple[str, bytes], ...] = ()
    #: The Redis key of the Idempotency-Key and the SHA-256 of the request; None without an Idempotency-Key.
    idempotency: tuple[str, str] | None = None
    #: Maximum number of unfinished jobs of the owner; None means that the number is not limited.
    max_jobs: int | None = None
    #: The client to whom the job's decoding time is charged: the owner, or an address if there is no owner.
    client: str = ""
    #: Estimated CPU time for decoding the images, in seconds.
    decode_cost_s: float = 0.0

    def to_json(self, settings: Settings) -> bytes:
        document: dict[str, object] = {
            **room_document(settings, owner=self.owner, client=self.client, max_jobs=self.max_jobs),
            "decode_ms": math.ceil(self.decode_cost_s * 1000),
            "job_id": self.job_id,
            "query": self.query.decode(),
            "kind": self.kind,
            "query_version": self.query_version,
            "max_shared_bytes": settings.max_shared_bytes,
            "key": self.query_key,
            "contents": " ".join(self.contents),
            "made_from": self.made_from,
            "ranking_key": self.ranking_key,
            "deadline_ms": int(settings.job_deadline_s * 1000),
            "ttl_ms": int(settings.job_ttl_s * 1000),
            # Images are stored past the deadline, because the last attempt can start just before the
            # deadline.
            "image_ttl_ms": int((settings.job_deadline_s + settings.lease_s) * 1000),
        }
        if self.idempotency is not None:
            document["idempotency_key"], document["request_hash"] = self.idempotency
        return orjson.dumps(document)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that was written to the ledger, and the run that it waits for."""

    job_id: str
    run_id: str
    #: Whether a new run was created for the job; False if the job joined a run, repeats an earlier request,
    #: or was answered from the cache.
    is_new: bool
    #: Whether this request added the job to an unfinished run, either a new run or an existing one.
    is_ahead: bool


class Verdict(StrEnum):
    """The outcome of a worker's attempt to lease a run."""

    CLAIMED = "claimed"
    #: The run is unknown or has expired.
    GONE = "gone"
    #: The run has ended: another worker finished it, it was canceled, or its deadline has passed.
    ENDED = "ended"
    #: Another worker's lease of the run has not expired, or the run is parked.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Claim:
    """A run leased to this worker; timestamps are in milliseconds since the epoch, by Redis's clock."""

    run_id: str
    query: bytes
    query_key: str
    #: Hashes of the texts and images in the query.
    contents: tuple[str, ...]
    #: The model and the catalog version that the query key contains.
    made_from: str
    attempt: int
    created_ms: int
    deadline_ms: int
    claimed_ms: int
    #: The client to whom the run's decoding time is charged; empty if an older version's gateway wrote the
    #: run.
    client: str = ""
    #: Estimated CPU time for decoding the images, in milliseconds.
    decode_ms: int = 0
    #: Cache entries for the query key and for each hash in `contents`; None if the cache was not read.
    cached: tuple[bytes | None, ...] | None = None
    #: The cache key of the query's ranking, and the cache entry or None for a miss. None instead of the pair
    #: if the cache was not read, or if an older gateway wrote the run.
    ranking: tuple[str, bytes | None] | None = None


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """The result of a successful run as JSON, and the duration of each stage in milliseconds."""

    result: bytes
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Event:
    """A state change that the ledger published; `name` is a run's id or a job's Redis key."""

    name: str
    state: JobState
    _more: bytes

    def answer(self) -> RunAnswer | None:
        """Return the run's answer, or None if the event contains no answer."""
        if not self._more:
            return None
        timings, _, result = self._more.partition(b"\n")
        return RunAnswer(result, orjson.loads(timings))


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the service, and the announcements of the live workers."""

    queued: int
    running: int
    oldest_age_ms: int
    held_image_bytes: int
    retry_after_s: int
    #: The announcements of live workers, sorted by expiry time.
    workers: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The numbers of runs that one pass of the sweeper changed."""

    ended: int
    given_back: int
    sent_again: int


_FULL = {
    b"full_depth": "the queue is full",
    b"full_age": "the oldest job in the queue has waited too long",
    b"full_wait": "the jobs ahead in the queue would take most of the time until this job's deadline",
    b"full_images": "too many image bytes are waiting",
    b"full_shared": "too many jobs share a run or a cached answer",
}
#: The error detail of a search that is refused although workers are ready.
OLDER_WORKERS = (
    "every ready worker has an earlier release than this gateway and does not know all parameters of the "
    "search; upgrade the workers and try again, or leave out the parameters that are new in this release"
)


def read_submission(reply: Sequence[Any]) -> Accepted:
    """Read the reply of `submit.lua` or `record_cached_job.lua`.

    Raises:
        IdempotencyConflict: the Idempotency-Key was used with another request.
        NoWorker, QueueFull, RateLimited: the job is refused.
    """
    outcome, job_id, run_id, retry_after_s = reply
    if outcome == b"conflict":
        raise IdempotencyConflict("this Idempotency-Key was used with another request")
    if outcome == b"older_workers":
        raise NoWorker(OLDER_WORKERS)
    check_room(outcome, int(retry_after_s))
    return Accepted(
        job_id=job_id.decode(),
        run_id=run_id.decode(),
        is_new=outcome == b"accepted",
        is_ahead=outcome in {b"accepted", b"joined"},
    )


def check_room(outcome: bytes, retry_after_s: int) -> None:
    """Raise an error if a script refused the job.

    Raises:
        QueueFull: the service cannot accept a job now.
        RateLimited: the owner has too many unfinished jobs, or the client has too many waiting images.
    """
    if outcome == b"full_owner":
        raise RateLimited(
            "this key has reached its limit of unfinished jobs (MAX_JOBS_PER_KEY)",
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
    """Read the reply of `claim.lua`."""
    verdict = Verdict(reply[0].decode())
    if verdict is not Verdict.CLAIMED:
        return verdict
    _, query, key, contents, made_from, attempt, created_ms, deadline_ms, now_ms, *more = reply
    client, decode_ms, *found = more
    cached, ranking_key, ranking = found or (None, b"", None)
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
        cached=None if cached is None else tuple(cached),
        ranking=(ranking_key.decode(), ranking) if ranking_key else None,
    )


def read_job(job_id: str, reply: Sequence[Any] | None) -> tuple[Job, int]:
    """Return the job in the reply of `read_job.lua`, and the seconds to wait before the next poll.

    Raises:
        JobNotFound: the job does not exist, or belongs to another owner.
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
        # A job that is answered from the cache counts as ended at its creation, even if the run of the cached
        # answer ended earlier.
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
    """Read the reply of `read_load.lua`."""
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
    """Return the counts in the reply of `sweep.lua`, or None if another process has just run the sweeper."""
    return None if reply is None else Sweep(*(int(figure) for figure in reply))


def _int(value: bytes | None) -> int | None:
    return None if value is None else int(value)
