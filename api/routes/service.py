"""The service about itself: what it offers, whether it lives, whether it can work."""

from pathlib import Path

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from api.admission import sees_details
from api.gateway import gateway_of
from api.health import Health
from api.openapi.operations import answer, problems
from api.presenting import JSON, NEVER_STORE
from api.routes.plain import PlainRoute
from api.version import VERSION

router = APIRouter(tags=["service"], route_class=PlainRoute)

WEB_FOLDER = Path(__file__).parent.parent / "web"
INTERNAL = problems("internal")
#: A key is not needed here; one that is sent and not valid is refused all the same.
HEALTH_PROBLEMS = problems("unauthorized", "internal")


@router.get(
    "/",
    summary="Name the service and its endpoints",
    responses={200: answer("What there is.", "Service"), **INTERNAL},
)
async def root(request: Request) -> Response:
    """Return the service's name, version, endpoints and links; a browser is sent to the page."""
    has_page = (WEB_FOLDER / "index.html").is_file()
    if has_page and _wants_html(request):
        return RedirectResponse("/app/", 307, headers={"Vary": "Accept"})
    links = {"docs": "/docs", "openapi": "/openapi.json", **({"app": "/app/"} if has_page else {})}
    document = {
        "service": "cover-search",
        "version": VERSION,
        "endpoints": _endpoints(request.app),
        "links": links,
    }
    return Response(orjson.dumps(document), headers={"Vary": "Accept"}, media_type=JSON)


@router.get(
    "/health",
    summary="Tell how the service is",
    responses={200: answer("How it is; also where it is not well.", "Health"), **HEALTH_PROBLEMS},
)
async def health(request: Request) -> Response:
    """Return the state of queue, workers and catalog. `clip` is true while a live worker holds a model."""
    found = await gateway_of(request).health.look()
    return _json(_shown(found, request).document())


@router.get(
    "/livez",
    summary="Tell that the process lives",
    responses={200: answer("It does.", "Liveness"), **INTERNAL},
)
async def livez(_request: Request) -> Response:
    """Answer without touching any dependency."""
    return _json({"alive": True})


@router.get(
    "/readyz",
    summary="Tell whether searches can be answered",
    responses={
        200: answer("They can.", "Readiness", example={"ready": True, "problems": {}}),
        503: answer("They cannot; the failing dependency is named.", "Readiness"),
        **HEALTH_PROBLEMS,
    },
)
async def readyz(request: Request) -> Response:
    """Answer 503, naming what fails, unless queue, catalog and a worker are ready."""
    found = await gateway_of(request).health.look()
    ready = not found.problems
    shown = _shown(found, request)
    return _json({"ready": ready, "problems": shown.problems}, status=200 if ready else 503)


def _shown(found: Health, request: Request) -> Health:
    return found if sees_details(request, gateway_of(request).settings) else found.without_details()


def _json(document: dict[str, object], *, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, {"Cache-Control": NEVER_STORE}, JSON)


def _wants_html(request: Request) -> bool:
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    return "text/html" in accepted


def _endpoints(app: FastAPI) -> dict[str, str]:
    return {
        f"{method.upper()} {path}": operation["summary"]
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }
