"""The catalog endpoints, which return genres, statistics, single albums and lists of albums."""

from collections.abc import Collection
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from api.contract.openapi.response_descriptions import catalog_answers
from api.contract.requests.album_cursor import encode
from api.contract.requests.album_list import AlbumListParameters
from api.contract.requests.search_parameters import (
    ALBUM_ID,
    AlbumParameters,
    ConditionalHeaders,
    check_album_id,
)
from api.contract.responses.albums import Album, AlbumList
from api.contract.responses.genres_and_stats import GenreCount, Genres, Scores, Stats, YearRange
from api.http.etags import json_with_etag
from api.lifespan import Gateway, gateway_of
from api.routes.strict_route import StrictRoute
from common.catalog import protocol as catalog
from common.result_json import album_document
from common.search_query import Included

router = APIRouter(tags=["catalog"], route_class=StrictRoute)


@router.get(
    "/api/genres",
    summary="List the genres",
    responses=catalog_answers("Every genre, sorted.", Genres),
)
async def genres(request: Request, headers: Annotated[ConditionalHeaders, Header()]) -> Response:
    """List every genre of the catalog; each genre is a value of the filter `genre`."""
    found = await gateway_of(request).catalog.genres()
    document = Genres(total_genres=len(found.names), genres=list(found.names))
    return json_with_etag(document.model_dump_json().encode(), if_none_match=headers.if_none_match)


@router.get(
    "/api/stats",
    summary="Show the catalog's statistics",
    responses=catalog_answers("Statistics of the catalog.", Stats),
)
async def stats(request: Request, headers: Annotated[ConditionalHeaders, Header()]) -> Response:
    """Return the number of albums in total and by genre, and the ranges of years and scores."""
    document = _stats(await gateway_of(request).catalog.stats())
    return json_with_etag(document.model_dump_json().encode(), if_none_match=headers.if_none_match)


@router.get(
    "/api/albums",
    summary="Find albums by artist and title",
    responses=catalog_answers("One page of albums.", AlbumList),
)
async def albums(
    request: Request,
    parameters: Annotated[AlbumListParameters, Query()],
    headers: Annotated[ConditionalHeaders, Header()],
) -> Response:
    """Find albums by the beginning, the words or a misspelling of their names; list all without `q`."""
    gateway = gateway_of(request)
    page = await gateway.catalog.find_albums(parameters.q, limit=parameters.limit, after=parameters.after())
    document = {
        "success": True,
        "albums": [_document(each.album, gateway) | {"match": each.match} for each in page.albums],
        "next_cursor": None if page.next is None else encode(page.next, query=parameters.q),
    }
    return json_with_etag(orjson.dumps(document), if_none_match=headers.if_none_match)


@router.get(
    "/api/albums/{album_id}",
    summary="Show one album",
    responses=catalog_answers("The album.", Album, further_problems=["album_not_found"]),
)
async def album(
    request: Request,
    album_id: ALBUM_ID,
    asked: Annotated[AlbumParameters, Query()],
    headers: Annotated[ConditionalHeaders, Header()],
) -> Response:
    """Return one album by its id."""
    gateway = gateway_of(request)
    found = await gateway.catalog.album(check_album_id(album_id))
    document = _document(found, gateway, include=asked.include)
    return json_with_etag(orjson.dumps(document), if_none_match=headers.if_none_match)


def _document(
    album: catalog.Album, gateway: Gateway, *, include: Collection[Included] = ()
) -> dict[str, object]:
    return album_document(
        gateway.public_metadata.of_album(album) if "metadata" in include else album,
        include=include,
        public_url=gateway.settings.public_url,
        has_thumbnails=gateway.settings.thumbnail_dir is not None,
    )


def _stats(found: catalog.CatalogStats) -> Stats:
    return Stats(
        total_albums=found.total_albums,
        top_genres=[GenreCount(genre=entry.genre, count=entry.count) for entry in found.genres],
        year_range=YearRange(min=found.year_min, max=found.year_max),
        pitchfork_scores=Scores(
            average=found.score_average,
            min=found.score_min,
            max=found.score_max,
            best_new_music_count=found.best_new_music_count,
        ),
        albums_without_palette=found.without_palette,
    )
