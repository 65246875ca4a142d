"""Jobs: their states, the legal transitions between them, and how one looks from outside.

queued ──► running ──► succeeded | failed | canceled
  ▲  │        │
  │  └────────┼──────► failed (deadline) | canceled
  └───────────┘        the worker gave it back, or its lease ran out
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType

import orjson

from common.errors import CatalogMisconfigured, CoverSearchError, ImageError, InvalidParameter


class JobState(StrEnum):
    """Where a job is; the values are what clients see."""

    #: Accepted and waiting for a worker.
    QUEUED = "queued"
    #: A worker holds its lease.
    RUNNING = "running"
    #: It has a result.
    SUCCEEDED = "succeeded"
    #: It ended with an error that says why.
    FAILED = "failed"
    #: A client called it off.
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

#: The states that nothing leaves; derived, never written by hand.
TERMINAL_STATES = frozenset(state for state in JobState if state.is_terminal)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed: a stable code and a sentence, and what exactly was at fault where that is known."""

    code: str
    detail: str
    parameter: str | None = None
    #: What is wrong with a catalog that is misconfigured.
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
        """Return the `error` of a job in the HTTP contract."""
        document = {"code": self.code, "detail": self.detail}
        return document if self.problem is None else {**document, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one run went, in milliseconds; the first four add up to the total.

    `queue_ms` is all that is not decode, embed or search: the wait for a worker, for a place in
    a batch, and the messages between the parts.
    """

    queue_ms: float
    decode_ms: float
    embed_ms: float
    search_ms: float
    total_ms: float

    @classmethod
    def of(cls, *, total_ms: float, decode_ms: float, embed_ms: float, search_ms: float) -> "Timings":
        """Round to a tenth of a millisecond and give the rest of the total to the queue."""
        decode, embed, search = round(decode_ms, 1), round(embed_ms, 1), round(search_ms, 1)
        total = max(round(total_ms, 1), round(decode + embed + search, 1))
        queue = round(total - decode - embed - search, 1)
        return cls(queue_ms=queue, decode_ms=decode, embed_ms=embed, search_ms=search, total_ms=total)

    def as_document(self) -> dict[str, float]:
        """Return the figures under the names of the HTTP contract."""
        return {
            "queue": self.queue_ms,
            "decode": self.decode_ms,
            "embed": self.embed_ms,
            "search": self.search_ms,
            "total": self.total_ms,
        }


#: Of an answer for which nothing was computed.
NO_WORK = Timings.of(total_ms=0, decode_ms=0, embed_ms=0, search_ms=0)


@dataclass(frozen=True, slots=True)
class Job:
    """One submit as its client sees it; times are Redis's, in milliseconds since the epoch."""

    id: str
    run_id: str
    state: JobState
    query: dict[str, object]
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    #: 1 for the next to be taken; None unless queued.
    position: int | None
    cached: bool
    coalesced: bool
    attempts: int
    timings: dict[str, float] | None
    failure: JobFailure | None
    #: Finished JSON of the result; None unless succeeded.
    result: bytes | None
    #: Whether the result was made from the model and version of the catalog that its query key stands for.
    matches_key: bool = True
