"""The gateway's application: routes, errors and lifetime put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.admission import Admission, is_guarded
from api.answers import install_error_handlers
from api.boundary import Boundary
from api.files import PAGES, PICTURES, TypedFiles
from api.gateway import open_gateway
from api.lingering import LingeringClose
from api.openapi.document import install_openapi
from api.policies import Policies
from api.routes import albums, documents, jobs, searches, service
from api.sharing import Sharing, cors_options
from api.version import VERSION
from common.catalog.opening import open_catalog
from common.catalog.protocol import Catalog
from common.settings import Settings


def create_app(settings: Settings, *, catalog: Catalog | None = None) -> FastAPI:
    """Return the application; it opens its clients when it starts and owns the catalog.

    Raises:
        SettingsError: no catalog is set and none was given.
    """
    reads = catalog or open_catalog(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_gateway(settings, catalog=reads) as gateway:
            app.state.gateway = gateway
            yield

    app = FastAPI(
        title="cover-search",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # Routes are tried in this order.
    for family in (searches, jobs, albums, service):
        app.include_router(family.router)
    documents.mount_documents(app)
    _mount_files(app, settings)
    install_error_handlers(app)
    install_openapi(app, auth=settings.auth)
    # The last to be added is the outermost.
    if is_guarded(settings):
        app.add_middleware(Admission)
    app.add_middleware(LingeringClose)
    if settings.cors_origins:
        app.add_middleware(Sharing, **cors_options(settings.cors_origins))
    app.add_middleware(Boundary, policies=Policies(public_url=settings.public_url))
    return app


def _mount_files(app: FastAPI, settings: Settings) -> None:
    if settings.covers_dir is not None:
        app.mount("/covers", TypedFiles(settings.covers_dir, types=PICTURES), name="covers")
    if (service.WEB_FOLDER / "index.html").is_file():
        app.mount("/app", TypedFiles(service.WEB_FOLDER, types=PAGES, html=True), name="app")
