"""The service endpoints: /, /health, /livez and /readyz."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from api.access.middleware import sees_details
from api.contract.openapi.response_descriptions import NEVER_STORED, answer, header, problems
from api.contract.requests.search_parameters import HealthParameters
from api.contract.responses.health import Health, Liveness, ModelsLoaded, Readiness, Service
from api.health_report import HealthReport
from api.lifespan import gateway_of
from api.routes.search_responses import JSON, NEVER_STORE
from api.routes.strict_route import StrictRoute
from api.routes.web_page import page_address
from common.version import VERSION

#: The endpoints that ignore unknown parameters, because probes and browsers may add parameters.
lenient = APIRouter(tags=["service"])
router = APIRouter(tags=["service"], route_class=StrictRoute)

INTERNAL = problems("internal")
#: The health endpoints need no API key, but refuse an invalid key.
HEALTH_PROBLEMS = problems("invalid_parameter", "unauthorized", "forbidden", "rate_limited", "internal")
VARY = {"Vary": header("The request header that the answer depends on.", "Accept")}


@lenient.get(
    "/",
    summary="Describe the service and list its endpoints",
    responses={200: answer("The service and its endpoints.", Service, headers=VARY), **INTERNAL},
)
async def root(request: Request) -> Response:
    """Return the service's name, version, endpoints and links; redirect a browser to the web page."""
    prefix = gateway_of(request).settings.path_prefix
    if _wants_html(request):
        return RedirectResponse(page_address(request), 307, headers={"Vary": "Accept"})
    links = {"docs": f"{prefix}/docs", "openapi": f"{prefix}/openapi.json", "app": page_address(request)}
    document = Service(version=VERSION, endpoints=_endpoints(request.app, prefix), links=links)
    return Response(document.model_dump_json(), headers={"Vary": "Accept"}, media_type=JSON)


@router.get(
    "/health",
    summary="Report the health of the service",
    responses={
        200: answer("The health report; also if the service is unhealthy.", Health, headers=NEVER_STORED),
        **HEALTH_PROBLEMS,
    },
)
async def health(request: Request, asked: Annotated[HealthParameters, Query()]) -> Response:
    """Return the state of the queue, the workers and the catalog."""
    found = await _report(request, asked)
    ready = found.ready_workers
    return _json(
        Health(
            status=found.status,
            models_loaded=ModelsLoaded(clip=bool(ready), supabase="catalog" not in found.problems),
            total_albums=found.total_albums,
            workers=len(ready),
            queue_depth=found.load.queued if found.load else 0,
            model=ready[0].get("model") if ready else None,
            problems=found.problems,
        )
    )


@lenient.get(
    "/livez",
    summary="Report that the process is alive",
    responses={200: answer("The process is alive.", Liveness, headers=NEVER_STORED), **INTERNAL},
)
async def livez() -> Response:
    """Answer without using Redis or the catalog."""
    return _json(Liveness())


@router.get(
    "/readyz",
    summary="Report whether searches can be answered",
    responses={
        200: answer(
            "Searches can be answered.",
            Readiness,
            headers=NEVER_STORED,
            example={"ready": True, "problems": {}},
        ),
        503: answer(
            "Searches cannot be answered; `problems` lists the causes.", Readiness, headers=NEVER_STORED
        ),
        **HEALTH_PROBLEMS,
    },
)
async def readyz(request: Request, asked: Annotated[HealthParameters, Query()]) -> Response:
    """Answer 200 if the queue, the catalog and a worker are ready, else 503 with the problems."""
    found = await _report(request, asked)
    ready = Readiness(ready=not found.problems, problems=found.problems)
    return _json(ready, status=200 if ready.ready else 503)


async def _report(request: Request, asked: HealthParameters) -> HealthReport:
    gateway = gateway_of(request)
    sees_all = sees_details(request, gateway.settings, insists=asked.details)
    found = await gateway.health.report()
    return found if sees_all else found.without_details()


def _json(document: BaseModel, *, status: int = 200) -> Response:
    return Response(document.model_dump_json(), status, {"Cache-Control": NEVER_STORE}, JSON)


def _wants_html(request: Request) -> bool:
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    return "text/html" in accepted


def _endpoints(app: FastAPI, prefix: str) -> dict[str, str]:
    return {
        f"{method.upper()} {prefix}{path}": operation["summary"]
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }
