"""The parameters of the list of albums, which finds albums by artist and title."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.contract.requests.album_cursor import CURSOR_MAX_CHARS, CURSOR_PATTERN, decode, encode
from api.contract.requests.strict_types import INTEGER, Parameters, within
from common.catalog.protocol import BEFORE_FIRST, NamePosition
from common.errors import InvalidParameter
from common.search_query import single_spaced

LIMIT_MAX, LIMIT_DEFAULT = 100, 20
#: The maximum length of the parameter `q`; longer names are found by their beginning.
QUERY_MAX_CHARS = 200
QUERY_EXAMPLE = "dark side pink fl"
CURSOR_EXAMPLE = encode(NamePosition(4, 5, "pink floyd dark side of moon", "585"), query=QUERY_EXAMPLE)


def _without_controls(value: object) -> object:
    """Replace each run of white space and control characters by one space; return None for no words."""
    return single_spaced(value) or None if isinstance(value, str) else value


class AlbumListParameters(Parameters):
    """The parameters of the list of albums."""

    q: Annotated[
        Annotated[str, Field(max_length=QUERY_MAX_CHARS)] | None,
        Field(
            description="Artist, title or words of both; the last word may be incomplete. Case, accents, "
            "punctuation, the order of the words and small spelling mistakes do not matter. Without `q`, all "
            "albums are listed.",
            examples=[QUERY_EXAMPLE],
        ),
        BeforeValidator(_without_controls),
    ] = None
    limit: Annotated[
        int,
        within(1, LIMIT_MAX),
        INTEGER,
        Field(description="The maximum number of albums on a page.", examples=[5]),
    ] = LIMIT_DEFAULT
    cursor: Annotated[
        Annotated[str, Field(max_length=CURSOR_MAX_CHARS, json_schema_extra={"pattern": CURSOR_PATTERN})]
        | None,
        Field(
            description="The `next_cursor` of the previous page, which was requested with the same `q`.",
            examples=[CURSOR_EXAMPLE],
        ),
    ] = None

    @field_validator("cursor")
    @classmethod
    def _belongs_to_the_query(cls, cursor: str | None, info: ValidationInfo) -> str | None:
        if cursor is not None and "q" in info.data:
            try:
                decode(cursor, query=info.data["q"])
            except InvalidParameter as error:
                raise PydanticCustomError("sentence", "{detail}", {"detail": error.detail}) from error
        return cursor

    def after(self) -> NamePosition:
        """Return the position after which the page begins."""
        return BEFORE_FIRST if self.cursor is None else decode(self.cursor, query=self.q)
