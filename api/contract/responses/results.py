"""Models of the gateway's JSON responses, from which OpenAPI is derived."""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.contract.responses.explanations import Explanation
from api.contract.responses.facets import FacetCounts
from common.album_metadata import METADATA_MAX_BYTES, METADATA_MAX_LEVELS, MetadataOmission
from common.catalog.errors import REMEDIES
from common.jobs import JobState
from common.search_query import SearchQuery, TextPart, query_document
from common.thumbnails import file_name

JOB_ID_EXAMPLE = "9f2c4f6f0c0b4a8e9d3f1c7a5b6e8d10"
JOB_PATH_EXAMPLE = f"/api/jobs/{JOB_ID_EXAMPLE}"
ALBUM_EXAMPLE: dict[str, Any] = {
    "id": "585",
    "artist": "Pink Floyd",
    "album_name": "The Dark Side of the Moon",
    "genre": "Rock",
    "genres": ["Rock", "Experimental"],
    "release_year": 1973,
    "pitchfork_score": 10.0,
    "best_new_music": False,
    "cover_url": "https://example.com/covers/585.jpg",
    "thumbnail_urls": {
        "256": f"https://example.com/thumbnails/{file_name(hashlib.sha256(b'256').hexdigest())}",
        "512": f"https://example.com/thumbnails/{file_name(hashlib.sha256(b'512').hexdigest())}",
    },
}
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
JOB_EXAMPLE: dict[str, Any] = {
    "id": JOB_ID_EXAMPLE,
    "status": "queued",
    "query": query_document(SearchQuery((TextPart("dark ambient"),), k=1)),
    "created_at": "2025-01-31T12:00:00.000Z",
    "started_at": None,
    "completed_at": None,
    "queue_position": 1,
    "timings_ms": None,
    "cached": False,
    "coalesced": False,
    "error": None,
    "result": None,
    "urls": {
        "get": JOB_PATH_EXAMPLE,
        "cancel": f"{JOB_PATH_EXAMPLE}/cancel",
        "events": f"{JOB_PATH_EXAMPLE}/events",
    },
}

STATS_EXAMPLE: dict[str, Any] = {
    "total_albums": 15000,
    "top_genres": [{"genre": "Rock", "count": 4500}],
    "year_range": {"min": 1967, "max": 2024},
    "pitchfork_scores": {"average": 7.2, "min": 0.0, "max": 10.0, "best_new_music_count": 1200},
    "albums_without_palette": 0,
}

Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]
CatalogProblem = Annotated[
    str,
    Field(
        description="What is wrong with the catalog; present only with the code `catalog_misconfigured`.",
        json_schema_extra={"enum": [*REMEDIES]},
    ),
]


def _with_example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class Album(BaseModel):
    """One album."""

    model_config = _with_example(ALBUM_EXAMPLE)

    id: str
    artist: str
    album_name: str
    genre: str | None
    genres: list[str]
    release_year: int | None
    pitchfork_score: float | None
    best_new_music: bool
    cover_url: str | None
    thumbnail_urls: Annotated[
        dict[Literal["256", "512"], str] | None,
        Field(
            description="WebP pictures of the cover by the length of their longest edge in pixels; smaller "
            "covers are not enlarged. Null if the service has no thumbnails of this cover. "
            "Workers of an earlier release leave this field out."
        ),
    ] = None
    metadata: Annotated[
        dict[str, Any],
        Field(
            description="Only with `include=metadata`: the keys of the metadata that the service publishes.",
            default_factory=dict,
        ),
    ]
    metadata_omitted: Annotated[
        MetadataOmission | None,
        Field(
            description="Why `metadata` is empty although the album has metadata: `too_large` (more than "
            f"{METADATA_MAX_BYTES} bytes of JSON, or more than {METADATA_MAX_LEVELS} levels), or "
            "`not_an_object`. Absent if nothing was left out."
        ),
    ] = None
    reviewer: Annotated[str | None, Field(description="Only with `include=reviewer`.")] = None


class Match(Album):
    """One album of a result."""

    model_config = _with_example(RESULT_EXAMPLE["results"][0])

    similarity: Annotated[
        float, Field(ge=-1, le=1, description="The cosine similarity of the album's cover and the query.")
    ]
    explain: Annotated[
        Explanation | None, Field(description="Why the album is a result; absent unless requested.")
    ] = None


class Timings(BaseModel):
    """The milliseconds that each stage took; `queue`, `decode`, `embed` and `search` add up to `total`."""

    model_config = _with_example(TIMINGS_EXAMPLE)

    queue: Milliseconds
    decode: Milliseconds
    embed: Milliseconds
    search: Milliseconds
    total: Milliseconds


class Result(BaseModel):
    """The albums most similar to a query, in order of decreasing similarity."""

    model_config = _with_example(RESULT_EXAMPLE)

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


class Failure(BaseModel):
    """Why a job failed."""

    model_config = _with_example(
        {"code": "no_worker", "detail": "no worker was ready before the deadline; start one and try again"}
    )

    code: str
    detail: str
    problem: CatalogProblem = ""


class JobUrls(BaseModel):
    """The paths to read, cancel and stream a job."""

    model_config = _with_example(JOB_EXAMPLE["urls"])

    get: str
    cancel: str
    events: str


class Job(BaseModel):
    """A job: one submitted search."""

    model_config = _with_example(JOB_EXAMPLE)

    id: Annotated[str, Field(description="The job's id, called `job_id` in paths and results.")]
    status: Annotated[str, Field(json_schema_extra={"enum": [state.value for state in JobState]})]
    query: dict[str, Any]
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    started_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
    completed_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
    queue_position: Annotated[
        Annotated[int, Field(ge=1)] | None, Field(description="1 is the next job to be started.")
    ]
    timings_ms: Timings | None
    cached: bool
    coalesced: Annotated[bool, Field(description="The job shares the run of an identical query.")]
    error: Failure | None
    result: Result | None
    urls: JobUrls


class Genres(BaseModel):
    """The sorted genres of the catalog, which are the values of the filter `genre`."""

    model_config = _with_example({"success": True, "total_genres": 2, "genres": ["Electronic", "Rock"]})

    success: Literal[True] = True
    total_genres: Count
    genres: list[str]


class GenreCount(BaseModel):
    """A genre and the number of its albums."""

    model_config = _with_example(STATS_EXAMPLE["top_genres"][0])

    genre: str
    count: Count


class YearRange(BaseModel):
    """The earliest and the latest release year in the catalog."""

    model_config = _with_example(STATS_EXAMPLE["year_range"])

    min: int | None
    max: int | None


class Scores(BaseModel):
    """Statistics of the Pitchfork scores."""

    model_config = _with_example(STATS_EXAMPLE["pitchfork_scores"])

    average: float | None
    min: float | None
    max: float | None
    best_new_music_count: Count


class Stats(BaseModel):
    """Statistics of the catalog."""

    model_config = _with_example(STATS_EXAMPLE)

    total_albums: Count
    top_genres: list[GenreCount]
    year_range: YearRange
    pitchfork_scores: Scores
    albums_without_palette: Annotated[
        int,
        Field(ge=0, description="Albums that the filter `color` never finds, because no palette is known."),
    ]


class ParameterProblem(BaseModel):
    """One invalid parameter and the reason why it is invalid."""

    model_config = _with_example({"parameter": "k", "detail": "k is an integer from 1 to 50"})

    parameter: str
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457); `errors` lists invalid parameters, `problem` is a catalog fault."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[ParameterProblem] = []
    problem: CatalogProblem = ""
