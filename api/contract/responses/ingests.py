"""Models of the response of `GET /api/ingests`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.responses.service import Amount, Time
from api.contract.responses.shared_schema import Count, with_example

LEFT_OUT_EXAMPLE: dict[str, Any] = {
    "row": 7,
    "id": "6f1c0e2b9a",
    "reason": "missing_cover",
    "detail": "Nina Simone - Pastel Blues in Jazz: no cover in the tracks, beside them or above them",
}
INGEST_EXAMPLE: dict[str, Any] = {
    "id": "9f86d081884c7d65",
    "name": "Music",
    "source": "music",
    "state": "running",
    "phase": "albums",
    "done": 1200,
    "total": 4000,
    "per_s": 14.2,
    "remaining_s": 197.2,
    "started": "2025-01-31T12:00:10.000Z",
    "reported": "2025-01-31T12:01:50.000Z",
    "elapsed_s": 100.0,
    "added": 1180,
    "changed": 12,
    "unchanged": 7,
    "deleted": 0,
    "left_out": 1,
    "left_out_by_reason": {"missing_cover": 1},
    "first_left_out": [LEFT_OUT_EXAMPLE],
    "error": None,
}


class LeftOutAlbum(BaseModel):
    """An album, a file or a folder that an ingest left out."""

    model_config = with_example(LEFT_OUT_EXAMPLE)

    row: Annotated[int, Field(ge=0, description="The row of the table; 0 if there is none.")]
    id: Annotated[str, Field(description="The album's id; empty if there is none.")]
    reason: Annotated[str, Field(description="A stable code, such as `missing_cover`.")]
    detail: Annotated[str, Field(description="A sentence for the operator.")]


class IngestFigures(BaseModel):
    """An ingest that runs, or that ended within the last 24 hours."""

    model_config = with_example(INGEST_EXAMPLE)

    id: str
    name: Annotated[str, Field(description="The name of the table or of the folder.")]
    source: Annotated[str, Field(description="`table`, `music`, `missing` or `demo`.")]
    state: Annotated[
        Literal["running", "done", "failed", "interrupted", "lost"],
        Field(description="`lost` means that the ingest has not reported for ten seconds."),
    ]
    phase: Annotated[
        Literal["starting", "tags", "albums", "index", "pruning"],
        Field(description="The present phase, or the last one if the ingest has ended."),
    ]
    done: Annotated[int, Field(ge=0, description="Items of the phase that are done: files or albums.")]
    total: Annotated[Count | None, Field(description="Items of the phase; null if not known.")]
    per_s: Annotated[Amount | None, Field(description="Items per second in the last half minute.")]
    remaining_s: Annotated[
        Amount | None, Field(description="The time that the rest of the phase takes at this rate.")
    ]
    started: Time
    reported: Annotated[Time, Field(description="The time of the last report.")]
    elapsed_s: Amount
    added: Annotated[int, Field(ge=0, description="Albums that were new to the catalog.")]
    changed: Annotated[int, Field(ge=0, description="Albums of the catalog that were written again.")]
    unchanged: Count
    deleted: Annotated[int, Field(ge=0, description="Albums that `--prune` deleted.")]
    left_out: Annotated[int, Field(ge=0, description="Albums, files and folders that were left out.")]
    left_out_by_reason: Annotated[dict[str, Count], Field(description="The most frequent comes first.")]
    first_left_out: Annotated[list[LeftOutAlbum], Field(description="At most the first 50.")]
    error: Annotated[str | None, Field(description="Why the ingest failed.")]


class Ingests(BaseModel):
    """The ingests that run, and the latest ingests that have ended."""

    model_config = with_example({"time": "2025-01-31T12:01:50.400Z", "ingests": [INGEST_EXAMPLE]})

    time: Annotated[Time, Field(description="The present time by the clock of Redis.")]
    ingests: Annotated[list[IngestFigures], Field(description="At most ten; the latest start comes first.")]
