"""The service about itself: what it offers, whether it lives, whether it can work."""

from pathlib import Path

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from api.access.middleware import sees_details
from api.contract.operations import NEVER_STORED, answer, header, problems, query
from api.contract.parameters import DETAILS
from api.contract.query_string import QueryString
from api.contract.search_responses import JSON, NEVER_STORE
from api.routes.plain import PlainRoute
from api.runtime import gateway_of
from api.search.health import Health
from api.version import VERSION

router = APIRouter(tags=["service"], route_class=PlainRoute)

WEB_FOLDER = Path(__file__).parent.parent / "web"
INTERNAL = problems("internal")
#: A key is not needed here; one that is sent and not valid is refused all the same.
HEALTH_PROBLEMS = problems("invalid_parameter", "unauthorized", "forbidden", "rate_limited", "internal")
VARY = {"Vary": header("What the answer depends on.", "Accept")}


@router.get(
    "/",
    summary="Name the service and its endpoints",
    responses={200: answer("What there is.", "Service", headers=VARY), **INTERNAL},
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
    responses={
        200: answer("How it is; also where it is not well.", "Health", headers=NEVER_STORED),
        **HEALTH_PROBLEMS,
    },
    openapi_extra={"parameters": [query(DETAILS)]},
)
async def health(request: Request) -> Response:
    """Return the state of queue, workers and catalog. `clip` is true while a live worker holds a model."""
    return _json((await _look(request)).document())


@router.get(
    "/livez",
    summary="Tell that the process lives",
    responses={200: answer("It does.", "Liveness", headers=NEVER_STORED), **INTERNAL},
)
async def livez(_request: Request) -> Response:
    """Answer without touching any dependency."""
    return _json({"alive": True})


@router.get(
    "/readyz",
    summary="Tell whether searches can be answered",
    responses={
        200: answer("They can.", "Readiness", headers=NEVER_STORED, example={"ready": True, "problems": {}}),
        503: answer("They cannot; the failing dependency is named.", "Readiness", headers=NEVER_STORED),
        **HEALTH_PROBLEMS,
    },
    openapi_extra={"parameters": [query(DETAILS)]},
)
async def readyz(request: Request) -> Response:
    """Answer 503, naming what fails, unless queue, catalog and a worker are ready."""
    problems = (await _look(request)).problems
    return _json({"ready": not problems, "problems": problems}, status=503 if problems else 200)


async def _look(request: Request) -> Health:
    given = QueryString(request.scope["query_string"], (DETAILS,))
    insists = given.one(DETAILS) or False
    given.check()
    gateway = gateway_of(request)
    sees_all = sees_details(request, gateway.settings, insists=insists)
    found = await gateway.health.look()
    return found if sees_all else found.without_details()


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
