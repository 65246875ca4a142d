"""The web page: its files at /app/, and the redirects that lead browsers to it."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse

from api.http.files.page_files import PageFiles
from api.lifespan import gateway_of

router = APIRouter(include_in_schema=False)

#: The folder of the built page; `make page` writes it from `web/`.
WEB_FOLDER = Path(__file__).parent.parent / "web"
PATH = "/app/"


def page_address(request: Request) -> str:
    """Return the path of the page, with the path prefix of PUBLIC_URL."""
    return f"{gateway_of(request).settings.path_prefix}{PATH}"


@router.get("/app")
async def without_slash(request: Request) -> RedirectResponse:
    """Redirect to the page, whose relative links need the slash at the end of its path."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{page_address(request)}{query}", 307)


def mount_page(app: FastAPI) -> None:
    """Add the page to the application."""
    app.include_router(router)
    app.mount(PATH.rstrip("/"), PageFiles(WEB_FOLDER), name="app")
