"""Parses the JSON body of a composed search into the query and the query's base64-decoded images."""

import base64
import contextlib
import json

import orjson
from pydantic import ValidationError

from api.contract.errors.request_errors import InvalidRequest, MalformedBody
from api.contract.requests.search_parameters import PartBody, SearchBody, check_album_id
from api.contract.requests.strict_types import JSON
from api.contract.requests.validation_messages import problems_of
from api.http.request_bodies.image_header import check_image
from common.errors import ImageTooLarge, InvalidParameter, image_given_as
from common.images.cost.estimate import MAX_COST_S
from common.search_query import PARTS_MAX, AlbumPart, ImagePart, Part, SearchQuery, TextPart, image_digest

#: The maximum number of fields of a JSON object. A search has twelve fields and up to eight filters by
#: metadata, and a part has four fields.
FIELDS_MAX = 40
#: The maximum number of commas in a body; even a search with texts full of commas has half as many.
COMMAS_MAX = 20_000
#: The scheme of a data URI in lower case.
DATA = "data:"
#: The characters that are removed from base64 before decoding. Spaces are not removed: form encoding turns
#: `+` into a space, and removing the space would silently change the decoded bytes.
LINE_BREAKS = b"\r\n"
FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
NOT_BASE64 = "an image is base64 (also URL-safe, unpadded or in lines), or a data URI of base64"


def max_body_bytes(max_image_bytes: int) -> int:
    """Return the maximum size of a body: the largest image in base64 with line breaks, plus a megabyte."""
    digits = max_image_bytes * 4 // 3
    # Each line has at least 64 base64 digits, and JSON escapes a line break with up to four bytes.
    return digits + digits // 64 * 4 + 1024 * 1024


class SearchBodyReader:
    """Parses bodies into queries; parsing images is slow, so callers run the parser on a thread."""

    def __init__(
        self, *, max_image_bytes: int, max_image_pixels: int, max_cost_s: float = MAX_COST_S
    ) -> None:
        self._max_image_bytes = max_image_bytes
        self._max_image_pixels = max_image_pixels
        self._max_cost_s = max_cost_s

    def read(self, body: bytes) -> tuple[SearchQuery, tuple[tuple[str, bytes], ...], float]:
        """Return the query, its images by SHA-256, and the estimated CPU seconds for decoding the images.

        Raises:
            AlbumNotFound, InvalidRequest, InvalidParameter, ImageError, MalformedBody
        """
        asked = parse_search_body(body)
        images: dict[str, bytes] = {}
        costs_s: dict[str, float] = {}
        parts = tuple(
            self._part(part, index=index, images=images, costs_s=costs_s)
            for index, part in enumerate(asked.parts)
        )
        return asked.search_for(*parts), tuple(images.items()), sum(costs_s.values())

    def _part(
        self, part: PartBody, *, index: int, images: dict[str, bytes], costs_s: dict[str, float]
    ) -> Part:
        if part.text is not None:
            return TextPart(part.text, part.weight)
        if part.album_id is not None:
            return AlbumPart(check_album_id(part.album_id), part.weight)
        data, cost_s = self._image(part.image or "", parameter=f"parts.{index}.image")
        digest = image_digest(data)
        images[digest], costs_s[digest] = data, cost_s
        return ImagePart(digest, part.weight)

    def _image(self, encoded: str, *, parameter: str) -> tuple[bytes, float]:
        try:
            data = _decoded(encoded)
        except ValueError as error:
            raise InvalidParameter(NOT_BASE64, parameter=parameter) from error
        if len(data) > self._max_image_bytes:
            raise ImageTooLarge(f"an image has more than {self._max_image_bytes} bytes", parameter=parameter)
        with image_given_as(parameter):
            cost_s = check_image(data, max_pixels=self._max_image_pixels, max_cost_s=self._max_cost_s)
        return data, cost_s


def _decoded(encoded: str) -> bytes:
    """Decode base64 or a base64 data URI.

    Raises:
        ValueError: the text is neither base64 nor a base64 data URI.
    """
    if encoded[: len(DATA)].lower() == DATA:
        head, comma, encoded = encoded.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise ValueError("a data URI whose data is not base64")
    digits = encoded.encode("ascii")
    if any(break_ in digits for break_ in LINE_BREAKS):
        digits = digits.translate(None, LINE_BREAKS)
    if b"-" in digits or b"_" in digits:
        if b"+" in digits or b"/" in digits:
            raise ValueError("base64 of two alphabets")
        digits = digits.translate(FROM_URL_SAFE)
    if not digits.endswith(b"="):
        digits += b"=" * (-len(digits) % 4)
    return base64.b64decode(digits, validate=True)


def parse_search_body(body: bytes) -> SearchBody:
    """Parse and validate a body.

    Raises:
        MalformedBody: the body is not JSON.
        InvalidRequest: fields are missing, unknown or out of range; the error lists each field.
    """
    # Commas are counted before parsing, because many small values become objects of a hundred times their
    # size.
    if body.count(b",") > COMMAS_MAX:
        raise _refused("the body has far more fields and values than a search can have", name="body")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error}") from error
    _check_fields(document)
    _check_repeated_fields(body)
    try:
        return SearchBody.model_validate(document, context=JSON)
    except ValidationError as error:
        raise InvalidRequest(problems_of(SearchBody, error.errors())) from error


def _check_fields(document: object) -> None:
    """Refuse an object with too many fields, because validation would create an error for each field."""
    parts = document.get("parts") if isinstance(document, dict) else None
    named = [("body", document), *((f"parts.{n}", part) for n, part in enumerate(_list(parts)[:PARTS_MAX]))]
    for name, fields in named:
        if isinstance(fields, dict) and len(fields) > FIELDS_MAX:
            raise _refused(f"{name} has more than {FIELDS_MAX} fields", name=name)


def _check_repeated_fields(body: bytes) -> None:
    """Refuse an object with a repeated field; orjson and pydantic would use the field's last value."""

    def check(fields: list[tuple[str, object]]) -> None:
        names = [name for name, _ in fields]
        if len(set(names)) < len(names):
            name = next(name for name in names if names.count(name) > 1)
            raise _refused(f"{name} is given twice", name=name)

    # Validation refuses deeper documents, because a search has only three levels.
    with contextlib.suppress(RecursionError):
        json.loads(body, object_pairs_hook=check)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _refused(detail: str, *, name: str) -> InvalidRequest:
    return InvalidRequest([InvalidParameter(detail, parameter=name)])
