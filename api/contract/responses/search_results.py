"""Models of search results."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.requests.search_parameters import JOB_ID_EXAMPLE
from api.contract.responses.albums import ALBUM_EXAMPLE, Album
from api.contract.responses.explanations import Explanation
from api.contract.responses.facets import FacetCounts
from api.contract.responses.shared_schema import Count, with_example

TIMINGS_EXAMPLE = {"queue": 2.1, "decode": 0.0, "embed": 36.0, "search": 9.4, "total": 47.5}
RESULT_EXAMPLE: dict[str, Any] = {
    "job_id": JOB_ID_EXAMPLE,
    "success": True,
    "query_type": "text",
    "requested": 1,
    "total_results": 1,
    "exhausted": False,
    "truncated": False,
    "results": [{**ALBUM_EXAMPLE, "similarity": 0.2871}],
    "named": [],
    "model": "openai/clip-vit-base-patch32",
    "timings_ms": TIMINGS_EXAMPLE,
}

Milliseconds = Annotated[float, Field(ge=0)]


class Match(Album):
    """One album of a result."""

    model_config = with_example(RESULT_EXAMPLE["results"][0])

    similarity: Annotated[
        float, Field(ge=-1, le=1, description="The cosine similarity of the album's cover and the query.")
    ]
    explain: Annotated[
        Explanation | None, Field(description="Why the album is a result; absent unless requested.")
    ] = None


class Timings(BaseModel):
    """The milliseconds that each stage took; `queue`, `decode`, `embed` and `search` add up to `total`."""

    model_config = with_example(TIMINGS_EXAMPLE)

    queue: Milliseconds
    decode: Milliseconds
    embed: Milliseconds
    search: Milliseconds
    total: Milliseconds


class Result(BaseModel):
    """The albums most similar to a query, in order of decreasing similarity."""

    model_config = with_example(RESULT_EXAMPLE)

    job_id: Annotated[
        str | None,
        Field(
            description="The `id` of the job that produced this result, for `GET /api/jobs/{job_id}`. "
            "Null if the result came from the cache without a job."
        ),
    ]
    success: Literal[True]
    query_type: Literal["image", "text", "composed", "album"]
    requested: Annotated[
        Count | None,
        Field(description="The parameter `k`. Workers of an earlier release leave this field out."),
    ] = None
    total_results: Count
    exhausted: Annotated[
        bool,
        Field(
            description="No further album meets the filters and `min_similarity`: this is the last page. "
            "Workers of an earlier release leave this field out."
        ),
    ] = False
    truncated: Annotated[
        bool,
        Field(
            description="A text of the query has more tokens than the model reads; the rest was ignored. "
            "Workers of an earlier release leave this field out."
        ),
    ] = False
    results: list[Match]
    named: Annotated[
        list[Album],
        Field(
            max_length=3,
            description="Up to three albums whose name is the text of a search by text: the title, or artist "
            "and title. They need not be among the results, nor meet the filters. Workers of an earlier "
            "release leave this field out.",
        ),
    ] = []
    model: str
    timings_ms: Timings
    albums_without_palette: Annotated[
        int | None,
        Field(
            ge=0,
            description="Only with the filter `color`: the number of albums of the catalog that this filter "
            "never finds, because no palette is known.",
        ),
    ] = None
    facets: Annotated[
        FacetCounts | None,
        Field(description="Only with `facets=true`: the numbers of albums by the values of each filter."),
    ] = None
