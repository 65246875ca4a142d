"""The endpoint `/api/service`, which shows live figures of all gateways and workers to admins."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.middleware import FIGURES_FOR_ADMINS, check_admin
from api.contract.openapi.response_descriptions import NEVER_STORED, answer, problems
from api.contract.responses import service as models
from api.contract.responses.job_serialization import iso_time
from api.health_report import redact
from api.lifespan import gateway_of
from api.metrics.live_figures import LiveFigures
from api.metrics.recorder import NO_ROUTE
from api.metrics.request_figures import Interval, RequestFigures, Requests
from api.routes.search_responses import JSON, NEVER_STORE
from api.routes.strict_route import StrictRoute
from common.ledger.live_figures import Overview
from common.settings import Settings
from common.version import VERSION

router = APIRouter(tags=["service"], route_class=StrictRoute)

#: The types of queries that `depth_by_kind` always contains.
KINDS = ("text", "image", "composed", "album")
SERVICE_PROBLEMS = problems(
    "invalid_parameter", "unauthorized", "forbidden", "rate_limited", "queue_unavailable", "internal"
)


@router.get(
    "/api/service",
    summary="Show live figures of the service",
    responses={
        200: answer(
            "The figures; if Redis does not answer, `problems` has the reason.",
            models.ServiceFigures,
            headers=NEVER_STORED,
        ),
        **SERVICE_PROBLEMS,
    },
)
async def service(request: Request) -> Response:
    """Return figures of the queue, the workers, and the requests of the last five minutes.

    An admin key is required, unless the gateway has `AUTH=off`.
    """
    gateway = gateway_of(request)
    check_admin(request, gateway.settings, refusal=FIGURES_FOR_ADMINS)
    document = service_figures(await gateway.live_figures.read(), gateway.settings)
    return Response(document.model_dump_json(), headers={"Cache-Control": NEVER_STORE}, media_type=JSON)


def service_figures(found: LiveFigures, settings: Settings) -> models.ServiceFigures:
    """Convert the figures to the response; figures that could not be read from Redis are null."""
    overview, requests = found.overview, found.requests
    return models.ServiceFigures(
        time=None if requests is None else iso_time(requests.now_ms),
        version=VERSION,
        problems=found.problems,
        queue=None if overview is None else _queue(overview),
        memory=None if overview is None else _memory(overview, settings),
        workers=None if overview is None else [_worker(each) for each in overview.workers],
        gateways=None if requests is None else [models.GatewayFigures(**each) for each in requests.gateways],
        requests=None if requests is None else _requests(requests),
        cache=None if requests is None else _cache(requests.totals.cache),
    )


def _queue(overview: Overview) -> models.QueueFigures:
    return models.QueueFigures(
        depth=overview.queued,
        depth_by_kind={**dict.fromkeys(KINDS, 0), **overview.queued_by_kind},
        oldest_age_s=overview.oldest_age_s,
        parked=overview.parked,
        oldest_parked_age_s=overview.oldest_parked_age_s,
        running=overview.running,
        runs_per_s=overview.service_rate,
    )


def _memory(overview: Overview, settings: Settings) -> models.MemoryFigures:
    return models.MemoryFigures(
        image_bytes=overview.image_bytes,
        image_bytes_max=settings.max_held_image_bytes,
        shared_bytes=overview.shared_bytes,
        shared_bytes_max=settings.max_shared_bytes,
        redis_bytes=overview.redis_used_bytes,
        redis_bytes_max=overview.redis_max_bytes,
    )


def _worker(announcement: dict[str, Any]) -> models.WorkerFigures:
    worker = models.WorkerFigures(**announcement)
    return worker if worker.error is None else worker.model_copy(update={"error": redact(worker.error)})


def _requests(found: RequestFigures) -> models.RequestFigures:
    totals, since_ms = found.totals, found.intervals[0].began_ms
    return models.RequestFigures(
        since=iso_time(since_ms),
        window_s=(found.now_ms - since_ms) / 1000,
        count=totals.requests.count,
        duration_ms=_durations(totals.requests),
        by_status_class=[
            models.StatusClassFigures(
                status_class=status_class, count=requests.count, duration_ms=_durations(requests)
            )
            for status_class, requests in sorted(totals.by_status_class.items())
        ],
        by_route=[
            _route(method, route, requests)
            for (method, route), requests in sorted(totals.by_route.items(), key=lambda item: -item[1].count)
        ],
        by_problem=[
            models.ProblemCount(code=code, status=status, count=count)
            for (status, code), count in totals.problems.most_common()
        ],
        intervals=[_interval(each) for each in found.intervals],
    )


def _route(method: str, route: str, requests: Requests) -> models.RouteFigures:
    return models.RouteFigures(
        method=method,
        route=None if route == NO_ROUTE else route,
        count=requests.count,
        status_classes=requests.status_classes,
        duration_ms=_durations(requests),
    )


def _interval(found: Interval) -> models.IntervalFigures:
    return models.IntervalFigures(
        time=iso_time(found.began_ms),
        # The length is never 0, so that clients can divide by it.
        seconds=max(1, found.ended_ms - found.began_ms) / 1000,
        count=found.requests.count,
        status_classes=found.requests.status_classes,
        duration_ms=_durations(found.requests),
        cache=_cache(found.cache),
    )


def _durations(requests: Requests) -> models.DurationFigures:
    return models.DurationFigures(
        p50=requests.percentile_ms(50), p95=requests.percentile_ms(95), p99=requests.percentile_ms(99)
    )


def _cache(uses: Counter[str]) -> models.CacheFigures:
    searches = uses.total()
    return models.CacheFigures(
        hits=uses["hit"],
        misses=uses["miss"],
        coalesced=uses["coalesced"],
        hit_ratio=round(uses["hit"] / searches, 4) if searches else None,
    )
