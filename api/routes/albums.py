"""What the catalog holds: genres, figures, single albums, and more like one."""

import hashlib
from dataclasses import asdict

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.contract.album_ids import check_album_id
from api.contract.operations import (
    CACHE_CONTROL,
    ETAG,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    PREFER,
    SEARCH_HEADERS,
    answer,
    path,
    problems,
    query,
)
from api.contract.parameters import SEARCH, WAIT
from api.contract.query_string import QueryString
from api.contract.search_responses import JSON, REVALIDATE, is_current, not_modified
from api.http.search_headers import read_search
from api.routes.plain import SegmentRoute
from api.routes.searches import ACCEPTED, SEARCH_PROBLEMS
from api.runtime import gateway_of
from common.catalog.protocol import CatalogStats
from common.queries import ALBUM_ID_MAX_CHARS, AlbumPart, SearchQuery
from common.results import complete_cover_url

router = APIRouter(tags=["catalog"], route_class=SegmentRoute)

ALBUM_ID = path(
    "album_id", "The album's id; a slash in it is `%2F`.", example="585", max_length=ALBUM_ID_MAX_CHARS
)
FACT_HEADERS = {**ETAG, **CACHE_CONTROL}
FACT_CODES = (
    "invalid_parameter",
    "unauthorized",
    "rate_limited",
    "queue_unavailable",
    "catalog_unavailable",
    "catalog_misconfigured",
    "internal",
)
FACT_PROBLEMS = problems(*FACT_CODES)


@router.get(
    "/api/genres",
    summary="List the genres",
    responses={
        200: answer("Every genre, sorted.", "Genres", headers=FACT_HEADERS),
        304: NOT_MODIFIED,
        **FACT_PROBLEMS,
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def genres(request: Request) -> Response:
    """List every genre of the catalog: the values that `genre` takes."""
    QueryString(request.scope["query_string"], ()).check()
    found = await gateway_of(request).facts.genres()
    return _fact(request, {"success": True, "total_genres": len(found.names), "genres": found.names})


@router.get(
    "/api/stats",
    summary="Show the catalog's figures",
    responses={
        200: answer("The catalog in figures.", "Stats", headers=FACT_HEADERS),
        304: NOT_MODIFIED,
        **FACT_PROBLEMS,
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def stats(request: Request) -> Response:
    """Return how many albums there are, by genre, with the range of years and scores."""
    QueryString(request.scope["query_string"], ()).check()
    return _fact(request, _stats_document(await gateway_of(request).facts.stats()))


@router.get(
    "/api/albums/{album_id}",
    summary="Show one album",
    responses={
        200: answer("The album.", "Album", headers=FACT_HEADERS),
        304: NOT_MODIFIED,
        **problems(*FACT_CODES, "album_not_found"),
    },
    openapi_extra={"parameters": [ALBUM_ID, IF_NONE_MATCH]},
)
async def album(request: Request) -> Response:
    """Return one album by its id."""
    QueryString(request.scope["query_string"], ()).check()
    found = await gateway_of(request).facts.album(_album_id(request))
    cover_url = complete_cover_url(found.cover_url, gateway_of(request).settings.public_url)
    return _fact(request, {**asdict(found), "cover_url": cover_url})


@router.get(
    "/api/albums/{album_id}/similar",
    summary="Find more like one album",
    responses={
        200: answer("The most similar albums.", "Result", headers={**SEARCH_HEADERS, **ETAG}),
        202: ACCEPTED,
        304: NOT_MODIFIED,
        **problems(*SEARCH_PROBLEMS),
    },
    openapi_extra={
        "parameters": [
            ALBUM_ID,
            *(query(parameter) for parameter in SEARCH),
            PREFER,
            IDEMPOTENCY_KEY,
            IF_NONE_MATCH,
        ]
    },
)
async def similar(request: Request) -> Response:
    """Find the albums whose covers look most like this album's, without the album itself."""
    gateway = gateway_of(request)
    given = QueryString(request.scope["query_string"], SEARCH)
    k, filters, wait_s = given.k(), given.filters(), given.one(WAIT)
    given.check()
    asked = SearchQuery((AlbumPart(_album_id(request)),), filters, k)
    search = read_search(request, asked, wait_s=wait_s, default_wait_s=gateway.settings.default_wait_s)
    return await gateway.searches.answer(search, request)


def _album_id(request: Request) -> str:
    return check_album_id(request.path_params["album_id"])


def _fact(request: Request, document: dict[str, object]) -> Response:
    body = orjson.dumps(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if is_current(request.headers.get("if-none-match"), etag):
        return not_modified(etag)
    return Response(body, headers={"ETag": etag, "Cache-Control": REVALIDATE}, media_type=JSON)


def _stats_document(found: CatalogStats) -> dict[str, object]:
    return {
        "total_albums": found.total_albums,
        "top_genres": [{"genre": entry.genre, "count": entry.count} for entry in found.genres],
        "year_range": {"min": found.year_min, "max": found.year_max},
        "pitchfork_scores": {
            "average": found.score_average,
            "min": found.score_min,
            "max": found.score_max,
            "best_new_music_count": found.best_new_music_count,
        },
    }
