"""The OpenAPI document made readable, from files of this server alone."""

from importlib.resources import files
from pathlib import Path

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from api.http.static_files import PAGES, TypedFiles

router = APIRouter(include_in_schema=False)

# Its addresses are relative, so that it works under any path that a proxy shows it at.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cover-search: HTTP interface</title>
<link rel="stylesheet" href="docs/files/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# A file of its own, so that a policy against inline scripts can stand.
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null  // else the page would send the document to a validator on the internet
});
"""


@router.get("/docs")
async def docs(_request: Request) -> Response:
    """Show the interface."""
    return HTMLResponse(PAGE)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Describe the interface; written once, since it takes as long as a hundred cached answers."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        state.openapi = orjson.dumps(request.app.openapi())
    return Response(state.openapi, media_type="application/json")


@router.get("/docs/start.js")
async def start(_request: Request) -> Response:
    """Start Swagger UI on the page."""
    return Response(START, media_type="text/javascript")


def mount_documents(app: FastAPI) -> None:
    """Serve the page and the files of Swagger UI."""
    app.include_router(router)
    # Of this package only the files of Swagger UI are used, the one way to get them from PyPI alone.
    folder = Path(str(files("fastapi_offline") / "static"))
    app.mount("/docs/files", TypedFiles(folder, types=PAGES), name="docs")
