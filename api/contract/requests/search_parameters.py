"""Models of all request parameters and bodies, from which validation and OpenAPI are derived."""

from typing import Annotated, Self

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.contract.requests.filter_parameters import META_FIELDS, FilterParameters
from api.contract.requests.strict_types import FLAG, INTEGER, NUMBER, Parameters, within
from common.errors import AlbumNotFound, InvalidParameter
from common.search_query import (
    ALBUM_ID_MAX_CHARS,
    K_DEFAULT,
    K_MAX,
    K_MIN,
    OFFSET_MAX,
    PARTS_MAX,
    TEXT_MAX_CHARS,
    Included,
    Part,
    SearchQuery,
    TextPart,
    clean_text,
)

#: The maximum number of seconds that a client can ask to wait for a result.
WAIT_MAX_S = 60.0
WEIGHT_MAX = 10.0
#: The pattern of an Idempotency-Key, which has 1 to 255 visible ASCII characters.
IDEMPOTENCY_KEY_PATTERN = "^[!-~]{1,255}$"
JOB_ID_EXAMPLE = "9f2c4f6f0c0b4a8e9d3f1c7a5b6e8d10"

ALBUM_ID = Annotated[
    str,
    Path(
        description="The album's id; one segment of the path, percent-encoded.",
        examples=["585"],
        json_schema_extra={"minLength": 1, "maxLength": ALBUM_ID_MAX_CHARS},
    ),
]
JOB_ID = Annotated[
    str,
    Path(
        description="The job's `id`, or the `job_id` of its result.",
        examples=[JOB_ID_EXAMPLE],
        json_schema_extra={"minLength": 1, "maxLength": 64},
    ),
]

#: The fields that hold a query part's content; each part has exactly one of these fields.
KINDS = ("text", "image", "album_id")


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return clean_text(value)
    except InvalidParameter as error:
        raise PydanticCustomError("sentence", "{detail}", {"detail": error.detail}) from error


#: A text that describes a cover, in Unicode NFC and with single spaces between words.
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX_CHARS), BeforeValidator(_clean)]
K = Annotated[
    int, within(K_MIN, K_MAX), INTEGER, Field(description="How many albums to return.", examples=[5])
]
WithFacets = Annotated[
    bool,
    FLAG,
    Field(
        description="Include the numbers of albums by the values of each filter, as in /api/facets.",
        examples=[True],
    ),
]
Include = Annotated[
    list[Included],
    Field(
        default=[],
        max_length=10,
        description="An additional field of each album in the answer; repeatable.",
        examples=[["metadata"]],
    ),
]
Explain = Annotated[
    bool,
    FLAG,
    Field(
        description="Explain each result: the contribution of each part of the query, and the words closest "
        "to the cover.",
        examples=[True],
    ),
]
Wait = Annotated[
    Annotated[float, within(0, WAIT_MAX_S), NUMBER] | None,
    Field(
        description="Seconds to wait for the result before answering 202 with a job; overrides `Prefer`.",
        examples=[5],
    ),
]


class NoParameters(Parameters):
    """The endpoint takes no parameters."""


class PageParameters(FilterParameters):
    """The filters of a search, and which of its results to return."""

    k: K = K_DEFAULT
    offset: Annotated[
        Annotated[int, within(0, OFFSET_MAX), INTEGER],
        Field(
            description="How many of the most similar albums to skip: the results of earlier pages.",
            examples=[10],
        ),
    ] = 0
    min_similarity: Annotated[
        Annotated[float, within(-1, 1), NUMBER] | None,
        Field(description="Only albums that are at least this similar.", examples=[0.25]),
    ] = None
    include: Include
    explain: Explain = False
    facets: WithFacets = False

    def search_for(self, *parts: Part) -> SearchQuery:
        """Return the query for one or more parts."""
        return SearchQuery(
            parts,
            self.filters(),
            self.k,
            offset=self.offset,
            min_similarity=self.min_similarity,
            include=tuple(sorted({*self.include})),
            explain=self.explain,
            facets=self.facets,
        )


class SearchParameters(PageParameters):
    """The query parameters of a search whose album or image is in the path or the body."""

    wait: Wait = None


class TextSearch(SearchParameters):
    """The query parameters of a search by a text description."""

    query: Annotated[
        Text,
        Field(description="A description of the cover: colours, objects, style.", examples=["dark ambient"]),
    ]

    def search(self) -> SearchQuery:
        """Return the query."""
        return self.search_for(TextPart(self.query))


class AlbumParameters(Parameters):
    """The parameters of a single album."""

    include: Include


class WaitParameters(Parameters):
    """The only query parameter of `POST /api/search` and `GET /api/jobs/{job_id}`."""

    wait: Wait = None


class PreferHeader(BaseModel):
    """The `Prefer` header."""

    prefer: Annotated[
        list[str],
        Field(
            description="RFC 7240: `respond-async` (202 immediately), `wait=<seconds>` (the longest wait).",
            examples=[["wait=5"]],
        ),
    ] = []


class SearchHeaders(PreferHeader):
    """The request headers of a search."""

    idempotency_key: Annotated[
        Annotated[str, Field(pattern=IDEMPOTENCY_KEY_PATTERN)] | None,
        Field(
            description="Repeating a request with the same key returns the same job.",
            examples=["4b0b6a2e-order-17"],
        ),
    ] = None


class ConditionalHeaders(BaseModel):
    """The request headers of a resource that clients may cache."""

    if_none_match: Annotated[
        list[str],
        Field(
            description="The ETag of the client's copy; the answer is 304 if the copy is current.",
            examples=[['W/"9f2c4f6f0c0b4a8e"']],
        ),
    ] = []


class CacheableSearchHeaders(SearchHeaders, ConditionalHeaders):
    """The request headers of a search with GET, whose response clients may cache."""


class HealthParameters(Parameters):
    """The parameters of the health endpoints."""

    details: Annotated[
        bool,
        FLAG,
        Field(
            description="Include why a part of the service is not ready; without an admin key the answer "
            "is 401 or 403.",
            examples=[True],
        ),
    ] = False


class PartBody(Parameters):
    """One weighted part of a composed query; a negative weight moves the results away from the part."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind], "properties": {kind: {"type": "string"}}} for kind in KINDS],
            "examples": [{"text": "dark forest", "weight": 0.5}],
        },
    )

    text: Annotated[Text | None, Field(examples=["dark forest"])] = None
    image: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        Field(
            description="The image in base64 (also URL-safe, unpadded or in lines), or a data URI of base64."
        ),
    ] = None
    album_id: Annotated[
        Annotated[str, Field(min_length=1, max_length=ALBUM_ID_MAX_CHARS)] | None, Field(examples=["585"])
    ] = None
    weight: Annotated[float, within(-WEIGHT_MAX, WEIGHT_MAX), NUMBER] = 1.0

    @model_validator(mode="after")
    def _stands_for_one_thing(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise PydanticCustomError("sentence", "a part has exactly one of text, image and album_id")
        return self


class SearchBody(PageParameters):
    """A composed search, which consists of weighted parts and filters."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "parts": [
                        {"text": "dark forest"},
                        {"album_id": "585", "weight": 0.5},
                        {"text": "people", "weight": -0.5},
                    ],
                    "k": 5,
                    "genre": ["Rock"],
                    "meta.label": "4AD",
                }
            ],
            "patternProperties": META_FIELDS,
        },
    )

    parts: Annotated[list[PartBody], Field(min_length=1, max_length=PARTS_MAX)]


def check_album_id(album_id: str) -> str:
    """Check the format of an album id, and return the id.

    Raises:
        AlbumNotFound: no album can have this id, because PostgreSQL cannot store it or ingest refuses it.
    """
    if not 1 <= len(album_id) <= ALBUM_ID_MAX_CHARS or "\0" in album_id or not _is_unicode(album_id):
        raise AlbumNotFound("no album has such an id")
    return album_id


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        # The path contains bytes that are not valid UTF-8.
        return False
    return True
