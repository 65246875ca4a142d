"""The filters of a search as parameters; a filter is also a field of `common.filters.Filters`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from api.contract.requests.strict_types import FLAG, INTEGER, NUMBER, Parameters, is_json, within
from common.colours.oklab import HEX_PATTERN
from common.filters import YEAR_MAX, YEAR_MIN, Filters
from common.genres import GENRE_MAX_CHARS

#: The maximum number of genres, and of artists, in a search.
NAMES_MAX = 50
ARTIST_MAX_CHARS = 500
#: The prefix of filters by metadata: `meta.label` is the value under the key `label`.
META_PREFIX = "meta."
#: The name under which the OpenAPI document describes all filters by metadata.
META_NAME = f"{META_PREFIX}KEY"
#: The maximum number of filters by metadata in a search, and the maximum lengths of a key and a value.
META_MAX, META_KEY_MAX_CHARS, META_VALUE_MAX_CHARS = 8, 100, 500
#: The white space that is not a control character.
_BLANKS = r"[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"
#: The published pattern of a text that is not blank and has no control characters. This module checks such
#: texts without the pattern.
PRINTABLE = rf"{_BLANKS}[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*"
#: PostgreSQL cannot store a zero byte.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_META_SCHEMA: JsonDict = {
    "type": "string",
    "minLength": 1,
    "maxLength": META_VALUE_MAX_CHARS,
    "pattern": f"^{PRINTABLE}$",
}
#: The schema of the filters by metadata in a JSON body, by a pattern of their names.
META_FIELDS: JsonDict = {
    rf"^meta\.[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]{{0,{META_KEY_MAX_CHARS - 1}}}$": _META_SCHEMA
}


def _without_blanks(value: object, info: ValidationInfo) -> object:
    """Remove the empty text that an HTML form sends if its user chose nothing."""
    if is_json(info) or not isinstance(value, list):
        return value
    return [name for name in map(str.strip, value) if name]


def _check_artist(name: str) -> str:
    if not _is_printable(name, max_chars=ARTIST_MAX_CHARS):
        raise _sentence(f"an artist is {_described(ARTIST_MAX_CHARS)}", parameter="artist")
    return name


def _check_metadata(wanted: Mapping[str, object]) -> Mapping[str, object]:
    for number, (key, value) in enumerate(wanted.items(), 1):
        name = META_PREFIX + key[:META_KEY_MAX_CHARS]
        if not _is_printable(key, max_chars=META_KEY_MAX_CHARS):
            detail = f"the key after {META_PREFIX} is {_described(META_KEY_MAX_CHARS)}"
            raise _sentence(detail, parameter=name)
        if not isinstance(value, str) or not _is_printable(value, max_chars=META_VALUE_MAX_CHARS):
            raise _sentence(f"{name} is {_described(META_VALUE_MAX_CHARS)}", parameter=name)
        if number > META_MAX:
            raise _sentence(f"a search has at most {META_MAX} filters by metadata", parameter=name)
    return wanted


def _read_color(value: object) -> object:
    if not isinstance(value, str):
        return value
    if re.fullmatch(HEX_PATTERN, value) is None or value.endswith("\n"):
        raise _sentence(
            "color is a colour in the form #rrggbb (in a URL, # is written as %23)", parameter="color"
        )
    return value.lower()


def _is_printable(text: str, *, max_chars: int) -> bool:
    return len(text) <= max_chars and bool(text.strip()) and _CONTROL.search(text) is None


def _described(max_chars: int) -> str:
    return f"a text of 1 to {max_chars} characters, not blank and without control characters"


def _sentence(detail: str, *, parameter: str) -> PydanticCustomError:
    return PydanticCustomError("sentence", "{detail}", {"detail": detail, "parameter": parameter})


Genre = Annotated[str, Field(min_length=1, max_length=GENRE_MAX_CHARS)]
Artist = Annotated[
    str,
    AfterValidator(_check_artist),
    WithJsonSchema({**_META_SCHEMA, "maxLength": ARTIST_MAX_CHARS}),
]
#: Maps each key to its value. The schema describes one value, because each key is a separate parameter.
Metadata = Annotated[
    dict[str, str],
    BeforeValidator(_check_metadata),
    WithJsonSchema({**_META_SCHEMA, "examples": ["4AD"]}),
]
#: A colour in lower case.
Color = Annotated[
    str, BeforeValidator(_read_color), WithJsonSchema({"type": "string", "pattern": HEX_PATTERN})
]
Year = Annotated[int, within(YEAR_MIN, YEAR_MAX), INTEGER]


class FilterParameters(Parameters):
    """Filters that every result meets; a new filter is a field here and in `common.filters.Filters`."""

    genre: Annotated[
        list[Genre],
        Field(
            default=[],
            max_length=NAMES_MAX,
            description="Only albums of this genre, in any spelling; repeatable. See /api/genres.",
            examples=[["Rock"]],
        ),
        BeforeValidator(_without_blanks),
    ]
    artist: Annotated[
        list[Artist],
        Field(
            default=[],
            max_length=NAMES_MAX,
            description="Only albums of this artist, in any case; repeatable.",
            examples=[["Radiohead"]],
        ),
        BeforeValidator(_without_blanks),
    ]
    year_min: Annotated[
        Year | None, Field(description="Only albums of this year or later.", examples=[1990])
    ] = None
    year_max: Annotated[
        Year | None, Field(description="Only albums of this year or earlier.", examples=[1999])
    ] = None
    min_score: Annotated[
        Annotated[float, within(0, 10), NUMBER] | None,
        Field(description="Only albums with at least this Pitchfork score.", examples=[7.5]),
    ] = None
    best_new_music: Annotated[
        bool, FLAG, Field(description="Only albums that Pitchfork named Best New Music.", examples=[True])
    ] = False
    color: Annotated[
        Color | None,
        Field(
            description="Only covers with a similar colour, `#rrggbb`, on at least a fifth of their area.",
            examples=["#d7262d"],
        ),
    ] = None
    meta: Annotated[
        Metadata,
        Field(
            alias=META_NAME,
            default_factory=dict,
            description="Only albums whose metadata has this value under KEY, which stands for any key that "
            f"the service publishes; up to {META_MAX} keys. Texts, numbers and truth values are compared; if "
            "the metadata has a list, one of its elements is enough.",
        ),
    ]

    @model_validator(mode="before")
    @classmethod
    def _gather_metadata(cls, given: Any) -> Any:
        """Replace the parameters whose names begin with `meta.` by one mapping under the name `meta.KEY`."""
        if not isinstance(given, dict):
            return given
        wanted = {name: value for name, value in given.items() if name.startswith(META_PREFIX)}
        if not wanted:
            return given
        others = {name: value for name, value in given.items() if name not in wanted}
        return others | {META_NAME: {name.removeprefix(META_PREFIX): wanted[name] for name in wanted}}

    @field_validator("year_max")
    @classmethod
    def _range_is_not_empty(cls, year_max: int | None, info: ValidationInfo) -> int | None:
        year_min = info.data.get("year_min")
        if year_min is not None and year_max is not None and year_min > year_max:
            raise _sentence(f"year_min {year_min} is after year_max {year_max}", parameter="year_min")
        return year_max

    def filters(self) -> Filters:
        """Return the filters of the query."""
        return Filters(
            genres=tuple(self.genre),
            year_min=self.year_min,
            year_max=self.year_max,
            min_score=self.min_score,
            best_new_music=self.best_new_music,
            artists=tuple(self.artist),
            metadata=tuple(sorted(self.meta.items())),
            color=self.color,
        )
