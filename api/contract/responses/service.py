"""Models of the response of `GET /api/service`."""

from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from api.contract.responses.shared_schema import Count, with_example

Amount: TypeAlias = Annotated[float, Field(ge=0)]
Time: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

DURATIONS_EXAMPLE = {"p50": 46.3, "p95": 120.5, "p99": 241.0}
STATUS_CLASSES_EXAMPLE = {"2xx": 1180, "4xx": 12, "5xx": 8}
CACHE_EXAMPLE = {"hits": 700, "misses": 460, "coalesced": 20, "hit_ratio": 0.593}
INTERVAL_EXAMPLE: dict[str, Any] = {
    "time": "2025-01-31T12:04:50.000Z",
    "seconds": 10.0,
    "count": 41,
    "status_classes": {"2xx": 41},
    "duration_ms": DURATIONS_EXAMPLE,
    "cache": {"hits": 30, "misses": 10, "coalesced": 0, "hit_ratio": 0.75},
}
ROUTE_EXAMPLE: dict[str, Any] = {
    "method": "GET",
    "route": "/api/search-by-text",
    "count": 1180,
    "status_classes": {"2xx": 1168, "4xx": 4, "5xx": 8},
    "duration_ms": DURATIONS_EXAMPLE,
}
STATUS_CLASS_EXAMPLE: dict[str, Any] = {
    "status_class": "5xx",
    "count": 8,
    "duration_ms": {"p50": 1.2, "p95": 1.9, "p99": 1.9},
}
PROBLEM_EXAMPLE: dict[str, Any] = {"code": "queue_full", "status": 503, "count": 8}
REQUESTS_EXAMPLE: dict[str, Any] = {
    "since": "2025-01-31T12:00:10.000Z",
    "window_s": 294.2,
    "count": 1200,
    "duration_ms": DURATIONS_EXAMPLE,
    "by_status_class": [STATUS_CLASS_EXAMPLE],
    "by_route": [ROUTE_EXAMPLE],
    "by_problem": [PROBLEM_EXAMPLE],
    "intervals": [INTERVAL_EXAMPLE],
}
QUEUE_EXAMPLE: dict[str, Any] = {
    "depth": 12,
    "depth_by_kind": {"text": 3, "image": 8, "composed": 1, "album": 0},
    "oldest_age_s": 0.8,
    "parked": 4,
    "oldest_parked_age_s": 2.5,
    "running": 16,
    "runs_per_s": 11.5,
}
MEMORY_EXAMPLE = {
    "image_bytes": 10_485_760,
    "image_bytes_max": 536_870_912,
    "shared_bytes": 40_960,
    "shared_bytes_max": 134_217_728,
    "redis_bytes": 48_234_496,
    "redis_bytes_max": None,
}
WORKER_EXAMPLE: dict[str, Any] = {
    "id": "5b1f0c2a9be1d37e",
    "host": "worker-1",
    "pid": 7,
    "version": "0.2.0",
    "started_at": "2025-01-31T09:00:00+00:00",
    "query_version": 2,
    "ready": True,
    "error": None,
    "model": "openai/clip-vit-base-patch32",
    "device": "cpu",
    "encoder": "openvino",
    "precision": "bfloat16",
    "decoders": 1,
    "concurrency": 32,
    "running": 16,
    "runs_per_s": 5.8,
}
GATEWAY_EXAMPLE: dict[str, Any] = {
    "id": "9c41d2f7a60e8b35",
    "host": "gateway-1",
    "pid": 7,
    "version": "0.2.0",
    "started_at": "2025-01-31T09:00:00+00:00",
}


def _null_if_invalid(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


#: Validates a field that a process announces. The field is null if the announcement lacks the field or has a
#: value of another type, because the process may be of another release.
ANNOUNCED = WrapValidator(_null_if_invalid)
AnnouncedText: TypeAlias = Annotated[str | None, ANNOUNCED]
AnnouncedCount: TypeAlias = Annotated[Count | None, ANNOUNCED]


class DurationFigures(BaseModel):
    """Percentiles in milliseconds, at most 4.4 % from the exact values; null if there was no request."""

    model_config = with_example(DURATIONS_EXAMPLE)

    p50: Amount | None
    p95: Amount | None
    p99: Amount | None


class CacheFigures(BaseModel):
    """The numbers of accepted searches by the value of their header `X-Cache`."""

    model_config = with_example(CACHE_EXAMPLE)

    hits: Annotated[int, Field(ge=0, description="Searches answered from the cache, or with 304.")]
    misses: Annotated[int, Field(ge=0, description="Searches that started a run.")]
    coalesced: Annotated[int, Field(ge=0, description="Searches that share the run of an identical query.")]
    hit_ratio: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None,
        Field(description="`hits` divided by the sum of all three counts; null if there was no search."),
    ]


class RouteFigures(BaseModel):
    """The requests to one endpoint."""

    model_config = with_example(ROUTE_EXAMPLE)

    method: Annotated[str, Field(description="The HTTP method; `_OTHER` for an unusual one.")]
    route: Annotated[
        str | None,
        Field(
            description="The path of the endpoint (OpenTelemetry's `http.route`); null if the request was "
            "refused before its endpoint was known, or there is no such endpoint."
        ),
    ]
    count: Count
    status_classes: dict[str, Count]
    duration_ms: DurationFigures


class StatusClassFigures(BaseModel):
    """The requests that were answered with a status of one class, such as `5xx`."""

    model_config = with_example(STATUS_CLASS_EXAMPLE)

    status_class: str
    count: Count
    duration_ms: DurationFigures


class ProblemCount(BaseModel):
    """The number of answers with one problem code; status 429 or 503 means that a request was refused."""

    model_config = with_example(PROBLEM_EXAMPLE)

    code: str
    status: int
    count: Count


class IntervalFigures(BaseModel):
    """The requests in an interval of ten seconds; the last interval is shorter, because it has not ended."""

    model_config = with_example(INTERVAL_EXAMPLE)

    time: Annotated[Time, Field(description="The start of the interval.")]
    seconds: Annotated[float, Field(gt=0, description="The length of the interval.")]
    count: Count
    status_classes: dict[str, Count]
    duration_ms: DurationFigures
    cache: CacheFigures


class RequestFigures(BaseModel):
    """The requests that all gateways answered in the last five minutes."""

    model_config = with_example(REQUESTS_EXAMPLE)

    since: Time
    window_s: Annotated[float, Field(gt=0, description="The seconds since `since`, from 290 to 300.")]
    count: Count
    duration_ms: Annotated[
        DurationFigures,
        Field(
            description="From the arrival of a request to the start of its answer (OpenTelemetry's "
            "`http.server.request.duration`, but without the time for sending the answer)."
        ),
    ]
    by_status_class: list[StatusClassFigures]
    by_route: Annotated[list[RouteFigures], Field(description="The most frequent endpoint comes first.")]
    by_problem: Annotated[list[ProblemCount], Field(description="The most frequent code comes first.")]
    intervals: Annotated[list[IntervalFigures], Field(description="The oldest interval comes first.")]


class QueueFigures(BaseModel):
    """The runs that wait for a worker or are processed by a worker; identical searches share one run."""

    model_config = with_example(QUEUE_EXAMPLE)

    depth: Annotated[int, Field(ge=0, description="Runs that wait for a worker, without parked runs.")]
    depth_by_kind: Annotated[
        dict[str, Count],
        Field(description="The queued runs by type of query, for the first 2,000 of the queue."),
    ]
    oldest_age_s: Annotated[
        Amount | None, Field(description="The age of the oldest queued run; null if none is queued.")
    ]
    parked: Annotated[
        int,
        Field(ge=0, description="Runs with images that wait for their client's turn at the decoders."),
    ]
    oldest_parked_age_s: Amount | None
    running: Count
    runs_per_s: Annotated[
        Amount | None,
        Field(
            description="Runs that all workers end per second under load; null if not measured for ten "
            "minutes."
        ),
    ]


class MemoryFigures(BaseModel):
    """The numbers of bytes that images, jobs and all data occupy in Redis, and the limits."""

    model_config = with_example(MEMORY_EXAMPLE)

    image_bytes: Annotated[int, Field(ge=0, description="Bytes of the uploaded images of unfinished jobs.")]
    image_bytes_max: Annotated[int, Field(ge=0, description="The setting MAX_HELD_IMAGE_BYTES.")]
    shared_bytes: Annotated[
        int, Field(ge=0, description="Bytes of jobs that share another job's run or a cached answer.")
    ]
    shared_bytes_max: Annotated[int, Field(ge=0, description="The setting MAX_SHARED_BYTES.")]
    redis_bytes: Annotated[
        Count | None,
        Field(description="`used_memory` of the Redis at REDIS_URL; null if the Redis user may not see it."),
    ]
    redis_bytes_max: Annotated[
        Count | None, Field(description="`maxmemory` of this Redis; null if it has no limit.")
    ]


class GatewayFigures(BaseModel):
    """A gateway process that has reported its counts within the last five seconds."""

    model_config = with_example(GATEWAY_EXAMPLE)

    id: AnnouncedText = None
    host: AnnouncedText = None
    pid: AnnouncedCount = None
    version: AnnouncedText = None
    started_at: AnnouncedText = None


class WorkerFigures(GatewayFigures):
    """A live worker process; fields that workers of its release do not announce are null."""

    model_config = with_example(WORKER_EXAMPLE)

    query_version: Annotated[
        Count | None,
        ANNOUNCED,
        Field(description="The newest version of queries that the worker reads; null means version 1."),
    ] = None
    ready: Annotated[bool | None, ANNOUNCED] = None
    error: Annotated[str | None, ANNOUNCED, Field(description="Why the worker is not ready.")] = None
    model: AnnouncedText = None
    device: AnnouncedText = None
    encoder: AnnouncedText = None
    precision: AnnouncedText = None
    decoders: Annotated[Count | None, ANNOUNCED, Field(description="Processes that decode images.")] = None
    concurrency: Annotated[
        Count | None, ANNOUNCED, Field(description="The maximum number of runs at once.")
    ] = None
    running: Annotated[Count | None, ANNOUNCED, Field(description="Runs that the worker processes now.")] = (
        None
    )
    runs_per_s: Annotated[
        Amount | None,
        ANNOUNCED,
        Field(description="Runs that the worker ended per second in the last minute."),
    ] = None


class ServiceFigures(BaseModel):
    """Live figures of all gateways and workers; figures that could not be read from Redis are null."""

    model_config = with_example(
        {
            "time": "2025-01-31T12:05:04.200Z",
            "version": "0.2.0",
            "problems": {},
            "queue": QUEUE_EXAMPLE,
            "memory": MEMORY_EXAMPLE,
            "workers": [WORKER_EXAMPLE],
            "gateways": [GATEWAY_EXAMPLE],
            "requests": REQUESTS_EXAMPLE,
            "cache": CACHE_EXAMPLE,
        }
    )

    time: Annotated[Time | None, Field(description="The present time by the clock of Redis.")]
    version: Annotated[str, Field(description="The version of the gateway that answers.")]
    problems: Annotated[
        dict[str, str],
        Field(
            description="The reasons why figures are null, by the part that failed: `queue` or `requests`."
        ),
    ]
    queue: QueueFigures | None
    memory: MemoryFigures | None
    workers: list[WorkerFigures] | None
    gateways: list[GatewayFigures] | None
    requests: RequestFigures | None
    cache: CacheFigures | None
