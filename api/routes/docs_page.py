"""The documentation page: Swagger UI at /docs, served without access to the internet."""

from importlib.resources import files
from pathlib import Path

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from api.http.files.static_files import PAGES, TypedFiles

router = APIRouter(include_in_schema=False)

# The URLs are relative, so that the page works under any path prefix of a proxy.
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
# The script is served as a separate file, because the content security policy forbids inline scripts.
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null  // by default the page sends the document to a validator on the internet
});
"""


@router.get("/docs")
async def docs(_request: Request) -> Response:
    """Return the page."""
    return HTMLResponse(PAGE)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document, which is serialized only once because serializing it is slow."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        state.openapi = orjson.dumps(request.app.openapi())
    return Response(state.openapi, media_type="application/json")


@router.get("/docs/start.js")
async def start(_request: Request) -> Response:
    """Return the script that starts Swagger UI."""
    return Response(START, media_type="text/javascript")


def mount_documents(app: FastAPI) -> None:
    """Add the page and the files of Swagger UI to the application."""
    app.include_router(router)
    # Only the copy of Swagger UI in `fastapi_offline` is used; no other package on PyPI contains Swagger UI.
    folder = Path(str(files("fastapi_offline") / "static"))
    app.mount("/docs/files", TypedFiles(folder, types=PAGES), name="docs")
