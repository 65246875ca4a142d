"""The FastAPI application of the gateway: routes, middleware, error handlers and lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.access.middleware import AccessMiddleware, is_guarded
from api.contract.openapi.document import install_openapi
from api.error_handlers import install_error_handlers
from api.http.files.static_files import PICTURES, TypedFiles
from api.http.files.thumbnails import ThumbnailFiles
from api.http.middleware.cors import Cors, cors_options
from api.http.middleware.lingering_close import LingeringClose
from api.http.middleware.parsed_query_cache import RepeatedQueriesMiddleware
from api.http.middleware.path_prefix import PathPrefix, check_path_prefix
from api.http.middleware.request_context import RequestContext
from api.http.middleware.security_headers import SecurityHeaders
from api.lifespan import open_gateway
from api.metrics.recorder import RequestRecorder
from api.routes import albums, docs_page, facets, health, ingests, jobs, searches, service, web_page
from api.routes.search_responses import cached_response
from common.catalog.open_catalog import open_catalog
from common.catalog.protocol import Catalog
from common.settings import Settings
from common.thumbnails import SERVED_UNDER
from common.version import VERSION


def create_app(settings: Settings, *, catalog: Catalog | None = None) -> FastAPI:
    """Return the application, which opens its clients at startup and closes the catalog at shutdown.

    Raises:
        SettingsError: there is no catalog, or the path in PUBLIC_URL has the same first segment as a path of
        the service.
    """
    reads = catalog or open_catalog(settings)
    recorder = RequestRecorder()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_gateway(settings, catalog=reads, recorder=recorder) as gateway:
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
    # FastAPI tries the routes in the order in which routers are included.
    for router in (searches.router, jobs.router, albums.router, facets.router, health.lenient, health.router):
        app.include_router(router)
    for router in (service.router, ingests.router):
        app.include_router(router)
    docs_page.mount_documents(app)
    web_page.mount_page(app)
    _mount_files(app, settings)
    _build_routes(app)
    install_error_handlers(app)
    install_openapi(app, auth=settings.auth, path_prefix=settings.path_prefix)
    # The middleware that is added last receives each request first.
    app.add_middleware(RepeatedQueriesMiddleware, cached_response=cached_response)
    if is_guarded(settings):
        app.add_middleware(AccessMiddleware)
    app.add_middleware(LingeringClose)
    if settings.cors_origins:
        app.add_middleware(Cors, **cors_options(settings.cors_origins))
    security_headers = SecurityHeaders(public_url=settings.public_url)
    app.add_middleware(RequestContext, security_headers=security_headers, recorder=recorder)
    if settings.path_prefix:
        check_path_prefix(settings.path_prefix)
        app.add_middleware(PathPrefix, prefix=settings.path_prefix)
    return app


def _build_routes(app: FastAPI) -> None:
    """Build FastAPI's models of every endpoint at startup instead of during the first request."""
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(scope)


def _mount_files(app: FastAPI, settings: Settings) -> None:
    if settings.covers_dir is not None:
        app.mount("/covers", TypedFiles(settings.covers_dir, types=PICTURES), name="covers")
    if settings.thumbnail_dir is not None:
        app.mount(SERVED_UNDER, ThumbnailFiles(settings.thumbnail_dir), name="thumbnails")
