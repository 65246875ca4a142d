"""Job states, the transitions allowed between them, and a job as clients see it.

queued ──► running ──► succeeded | failed | canceled
  ▲  │        │
  │  └────────┼──────► failed (deadline) | canceled
  └───────────┘        the worker released it, or its lease expired
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType

import orjson

from common.errors import CatalogMisconfigured, CoverSearchError, ImageError, InvalidParameter


class JobState(StrEnum):
    """The state of a job; the HTTP API shows the values to clients."""

    #: The job is accepted and waits for a worker.
    QUEUED = "queued"
    #: A worker holds the lease of the job's run.
    RUNNING = "running"
    #: The job has a result.
    SUCCEEDED = "succeeded"
    #: The job ended with an error.
    FAILED = "failed"
    #: A client canceled the job.
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELED}),
        JobState.RUNNING: frozenset(
            {JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED}
        ),
        JobState.SUCCEEDED: frozenset(),
        JobState.FAILED: frozenset(),
        JobState.CANCELED: frozenset(),
    }
)

#: The states without outgoing transitions.
TERMINAL_STATES = frozenset(state for state in JobState if state.is_terminal)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed: a stable code, a message and, if known, the faulty parameter or the problem."""

    code: str
    detail: str
    parameter: str | None = None
    #: The `problem` of `CatalogMisconfigured`.
    problem: str | None = None

    @classmethod
    def of(cls, error: CoverSearchError) -> "JobFailure":
        parameter = error.parameter if isinstance(error, InvalidParameter | ImageError) else None
        problem = error.problem if isinstance(error, CatalogMisconfigured) else None
        return cls(code=error.code, detail=error.detail, parameter=parameter, problem=problem)

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: bytes) -> "JobFailure":
        document = orjson.loads(data)
        return cls(
            code=document["code"],
            detail=document["detail"],
            parameter=document.get("parameter"),
            problem=document.get("problem"),
        )

    def as_document(self) -> dict[str, str]:
        """Return the `error` object of a job in the HTTP API."""
        document = {"code": self.code, "detail": self.detail}
        return document if self.problem is None else {**document, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Timings:
    """The duration in milliseconds of each stage of a run, and the total of these durations.

    `queue_ms` contains all time outside the other stages: waiting for a worker, waiting for a batch, and
    communication between processes.
    """

    queue_ms: float
    decode_ms: float
    embed_ms: float
    search_ms: float
    total_ms: float

    @classmethod
    def of(cls, *, total_ms: float, decode_ms: float, embed_ms: float, search_ms: float) -> "Timings":
        """Round the durations to a tenth of a millisecond; time outside the stages is queue time."""
        decode, embed, search = round(decode_ms, 1), round(embed_ms, 1), round(search_ms, 1)
        total = max(round(total_ms, 1), round(decode + embed + search, 1))
        queue = round(total - decode - embed - search, 1)
        return cls(queue_ms=queue, decode_ms=decode, embed_ms=embed, search_ms=search, total_ms=total)

    def as_document(self) -> dict[str, float]:
        """Return the durations under their names in the HTTP API."""
        return {
            "queue": self.queue_ms,
            "decode": self.decode_ms,
            "embed": self.embed_ms,
            "search": self.search_ms,
            "total": self.total_ms,
        }


#: The timings of an answer from the cache.
NO_WORK = Timings.of(total_ms=0, decode_ms=0, embed_ms=0, search_ms=0)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its client sees it; timestamps are in milliseconds since the epoch, by Redis's clock."""

    id: str
    run_id: str
    state: JobState
    query: dict[str, object]
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    #: Position in the queue, 1 for the next job; None if the job is not queued.
    position: int | None
    cached: bool
    coalesced: bool
    attempts: int
    timings: dict[str, float] | None
    failure: JobFailure | None
    #: The result as JSON; None if the job has not succeeded.
    result: bytes | None
    #: Whether the result was computed with the same model and catalog version as those in the query key.
    matches_key: bool = True
