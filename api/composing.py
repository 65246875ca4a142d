"""The JSON body of a composed search, and the query that it stands for."""

import base64
import binascii
from typing import Annotated, Self

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from api.album_ids import check_album_id
from api.images import check_image
from api.refusals import InvalidRequest, MalformedBody
from common.errors import ImageTooLarge, InvalidParameter, image_given_as
from common.filetypes.formats import ACCEPTED
from common.genres import GENRE_MAX_CHARS
from common.images.estimate import MAX_COST_S
from common.queries import (
    ALBUM_ID_MAX_CHARS,
    K_DEFAULT,
    K_MAX,
    K_MIN,
    PARTS_MAX,
    TEXT_MAX_CHARS,
    YEAR_MAX,
    YEAR_MIN,
    AlbumPart,
    Filters,
    ImagePart,
    Part,
    SearchQuery,
    TextPart,
    clean_text,
    image_digest,
)

WEIGHT_MAX = 10.0
#: A search has seven fields, and a part four.
FIELDS_MAX = 20
#: The longest search, its texts all commas, has half as many.
COMMAS_MAX = 20_000
#: Of a field's name, which may be anything, so much is told.
NAME_MAX_CHARS = 100

#: What a part can stand for; each part has exactly one of them.
KINDS = ("text", "image", "album_id")


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: To JSON and its schemas 5.0 is an integer.
WHOLE = BeforeValidator(_whole)


class PartBody(BaseModel):
    """One weighted part; a negative weight steers away from it."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": [kind], "properties": {kind: {"type": "string"}}} for kind in KINDS],
            "examples": [{"text": "dark forest", "weight": 0.5}],
        },
    )

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX_CHARS, examples=["dark forest"])] | None = (
        None
    )
    image: (
        Annotated[str, Field(min_length=1, description=f"The image's bytes in base64: {ACCEPTED}.")] | None
    ) = None
    album_id: Annotated[str, Field(min_length=1, max_length=ALBUM_ID_MAX_CHARS, examples=["585"])] | None = (
        None
    )
    weight: Annotated[float, Field(ge=-WEIGHT_MAX, le=WEIGHT_MAX)] = 1.0

    @model_validator(mode="after")
    def _stands_for_one_thing(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError("a part has exactly one of text, image and album_id")
        return self


class SearchBody(BaseModel):
    """A composed search: weighted parts and filters."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
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
                }
            ]
        },
    )

    parts: Annotated[list[PartBody], Field(min_length=1, max_length=PARTS_MAX)]
    k: Annotated[int, Field(ge=K_MIN, le=K_MAX), WHOLE] = K_DEFAULT
    genre: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=GENRE_MAX_CHARS)]], Field(max_length=50)
    ] = []
    year_min: Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX), WHOLE] | None = None
    year_max: Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX), WHOLE] | None = None
    min_score: Annotated[float, Field(ge=0, le=10)] | None = None
    best_new_music: bool = False

    @staticmethod
    def max_bytes(max_image_bytes: int) -> int:
        """Return how long a body may be: one largest image in base64, and a megabyte of the rest."""
        return max_image_bytes * 4 // 3 + 1024 * 1024


class Composer:
    """Makes queries out of bodies; slow on images, so that it is called on a thread."""

    def __init__(
        self, *, max_image_bytes: int, max_image_pixels: int, max_cost_s: float = MAX_COST_S
    ) -> None:
        self._max_image_bytes = max_image_bytes
        self._max_image_pixels = max_image_pixels
        self._max_cost_s = max_cost_s

    def compose(self, body: bytes) -> tuple[SearchQuery, tuple[tuple[str, bytes], ...], float]:
        """Return the query, its images by SHA-256, and the seconds of CPU that decoding them takes.

        Raises:
            AlbumNotFound, InvalidRequest, InvalidParameter, ImageError, MalformedBody
        """
        document = read_search_body(body)
        images: dict[str, bytes] = {}
        costs_s: dict[str, float] = {}
        parts = tuple(
            self._part(part, index=index, images=images, costs_s=costs_s)
            for index, part in enumerate(document.parts)
        )
        filters = Filters(
            genres=tuple(document.genre),
            year_min=document.year_min,
            year_max=document.year_max,
            min_score=document.min_score,
            best_new_music=document.best_new_music,
        )
        return SearchQuery(parts, filters, document.k), tuple(images.items()), sum(costs_s.values())

    def _part(
        self, part: PartBody, *, index: int, images: dict[str, bytes], costs_s: dict[str, float]
    ) -> Part:
        if part.text is not None:
            return TextPart(_text(part.text, index=index), part.weight)
        if part.album_id is not None:
            return AlbumPart(check_album_id(part.album_id), part.weight)
        data, cost_s = self._image(part.image or "", parameter=f"parts.{index}.image")
        digest = image_digest(data)
        images[digest], costs_s[digest] = data, cost_s
        return ImagePart(digest, part.weight)

    def _image(self, encoded: str, *, parameter: str) -> tuple[bytes, float]:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidParameter("not base64", parameter=parameter) from error
        if len(data) > self._max_image_bytes:
            raise ImageTooLarge(f"an image has more than {self._max_image_bytes} bytes", parameter=parameter)
        with image_given_as(parameter):
            cost_s = check_image(data, max_pixels=self._max_image_pixels, max_cost_s=self._max_cost_s)
        return data, cost_s


def _text(raw: str, *, index: int) -> str:
    try:
        return clean_text(raw)
    except InvalidParameter as error:
        raise InvalidParameter(error.detail, parameter=f"parts.{index}.text") from error


def read_search_body(body: bytes) -> SearchBody:
    """Read and check a body.

    Raises:
        MalformedBody: it is not JSON.
        InvalidRequest: fields are missing, unknown or out of range; each is named.
    """
    # Before the parser: a small body of many values would become objects of a hundred times its size.
    if body.count(b",") > COMMAS_MAX:
        raise _refused("body: has far more fields and values than a search can have", name="body")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error}") from error
    _check_fields(document)
    try:
        return SearchBody.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidRequest([_named(problem["loc"], problem["msg"]) for problem in problems]) from error


def _check_fields(document: object) -> None:
    """Refuse what has too many fields, of which the validation would name each."""
    parts = document.get("parts") if isinstance(document, dict) else None
    named = [("body", document), *((f"parts.{n}", part) for n, part in enumerate(_list(parts)[:PARTS_MAX]))]
    for name, fields in named:
        if isinstance(fields, dict) and len(fields) > FIELDS_MAX:
            raise _refused(f"{name}: has more than {FIELDS_MAX} fields", name=name)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _refused(detail: str, *, name: str) -> InvalidRequest:
    return InvalidRequest([InvalidParameter(detail, parameter=name)])


def _named(location: tuple[int | str, ...], message: str) -> InvalidParameter:
    name = ".".join(str(step)[:NAME_MAX_CHARS] for step in location) or "body"
    sentence = message.removeprefix("Value error, ")
    return InvalidParameter(f"{name}: {sentence[0].lower()}{sentence[1:]}", parameter=name)
