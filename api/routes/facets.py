"""The endpoint `/api/facets`, which counts albums by the values of each filter."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from api.access.middleware import budget_of
from api.contract.openapi.response_descriptions import catalog_answers
from api.contract.requests.filter_parameters import FilterParameters
from api.contract.requests.search_parameters import ConditionalHeaders
from api.contract.responses.facets import FacetsAnswer, facets_answer
from api.http.etags import json_with_etag
from api.lifespan import gateway_of
from api.routes.strict_route import StrictRoute

router = APIRouter(tags=["catalog"], route_class=StrictRoute)


@router.get(
    "/api/facets",
    summary="Count albums by the values of each filter",
    responses=catalog_answers("The counts.", FacetsAnswer, further_problems=["queue_full"]),
)
async def facets(
    request: Request,
    asked: Annotated[FilterParameters, Query()],
    headers: Annotated[ConditionalHeaders, Header()],
) -> Response:
    """Count the albums that meet the filters by genre, decade, score, best new music and main colour.

    The counts of a facet ignore the facet's own filter, so that they tell how many albums another value of
    this filter would find.
    """
    gateway, filters = gateway_of(request), asked.filters()
    gateway.public_metadata.check(filters)
    counts = await gateway.catalog.facets(filters, budget=budget_of(request))
    document = facets_answer(counts).model_dump_json().encode()
    return json_with_etag(document, if_none_match=headers.if_none_match)
