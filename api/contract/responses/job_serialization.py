"""Serializes a job as the JSON document that `responses.jobs.Job` describes."""

from datetime import UTC, datetime

import orjson

from api.contract.public_metadata import PublicMetadata
from common.jobs import Job
from common.result_json import with_job_id


def job_json(job: Job, *, path_prefix: str, metadata: PublicMetadata) -> bytes:
    """Return a job as JSON; of the metadata in the job's result, only the public keys are shown."""
    path = job_path(job.id, path_prefix=path_prefix)
    result = None
    if job.result is not None:
        result = orjson.Fragment(with_job_id(metadata.of_result(job.result), job.id))
    return orjson.dumps(
        {
            "id": job.id,
            "status": job.state.value,
            "query": job.query,
            "created_at": iso_time(job.created_ms),
            "started_at": None if job.started_ms is None else iso_time(job.started_ms),
            "completed_at": None if job.ended_ms is None else iso_time(job.ended_ms),
            "queue_position": job.position,
            "timings_ms": job.timings,
            "cached": job.cached,
            "coalesced": job.coalesced,
            "error": job.failure and job.failure.as_document(),
            "result": result,
            "urls": {"get": path, "cancel": f"{path}/cancel", "events": f"{path}/events"},
        }
    )


def job_path(job_id: str, *, path_prefix: str) -> str:
    """Return the path of a job, including the public path prefix."""
    return f"{path_prefix}/api/jobs/{job_id}"


def iso_time(ms: int) -> str:
    """Return a time in milliseconds since the epoch as ISO 8601 text."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
