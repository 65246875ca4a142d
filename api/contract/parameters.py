"""The parameters that endpoints take: one table by which they are read and described in OpenAPI."""

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from api.contract.prefer import WAIT_MAX_S
from common.errors import InvalidParameter
from common.genres import GENRE_MAX_CHARS
from common.queries import K_DEFAULT, K_MAX, K_MIN, TEXT_MAX_CHARS, YEAR_MAX, YEAR_MIN, clean_text

T_co = TypeVar("T_co", covariant=True)

#: Visible ASCII; long enough for any key that a client would make.
IDEMPOTENCY_KEY_PATTERN = "[!-~]{1,255}"

_INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)


class Parameter(Protocol[T_co]):
    """One parameter: how its text is read, and its JSON schema."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def example(self) -> object: ...

    @property
    def schema(self) -> dict[str, Any]: ...

    def parse(self, text: str) -> T_co:
        """Return the value.

        Raises:
            InvalidParameter: the text is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Integer:
    name: str
    description: str
    low: int
    high: int
    example: int
    default: int | None = None

    @property
    def schema(self) -> dict[str, Any]:
        default = {} if self.default is None else {"default": self.default}
        return {"type": "integer", "minimum": self.low, "maximum": self.high, **default}

    def parse(self, text: str) -> int:
        if not _INTEGER.fullmatch(text) or not self.low <= int(text) <= self.high:
            raise InvalidParameter(
                f"{self.name} is an integer from {self.low} to {self.high}", parameter=self.name
            )
        return int(text)


@dataclass(frozen=True, slots=True)
class Number:
    name: str
    description: str
    low: float
    high: float
    example: float

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def parse(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or "_" in text:
            raise InvalidParameter(
                f"{self.name} is a number from {self.low:g} to {self.high:g}", parameter=self.name
            )
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    description: str
    example: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean", "default": False}

    def parse(self, text: str) -> bool:
        match text.lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
            case _:
                raise InvalidParameter(f"{self.name} is true or false", parameter=self.name)


@dataclass(frozen=True, slots=True)
class QueryText:
    name: str
    description: str
    example: str

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": TEXT_MAX_CHARS}

    def parse(self, text: str) -> str:
        return clean_text(text)


@dataclass(frozen=True, slots=True)
class Genre:
    """Repeatable; an empty one, as a form's "all genres" sends it, is no filter."""

    name: str
    description: str
    example: list[str]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "maxLength": GENRE_MAX_CHARS}}

    def parse(self, text: str) -> str:
        if len(text) > GENRE_MAX_CHARS:
            raise InvalidParameter(f"a genre has at most {GENRE_MAX_CHARS} characters", parameter=self.name)
        return text.strip()


QUERY = QueryText("query", "What the cover looks like: colours, objects, style.", "dark ambient")
K = Integer("k", "How many albums to return.", K_MIN, K_MAX, example=5, default=K_DEFAULT)
GENRE = Genre(
    "genre",
    "Only albums that have this genre, in any spelling; repeated, any of them. See /api/genres.",
    ["Rock"],
)
FROM_YEAR = Integer("year_min", "Only albums of this year or later.", YEAR_MIN, YEAR_MAX, example=1990)
TO_YEAR = Integer("year_max", "Only albums of this year or earlier.", YEAR_MIN, YEAR_MAX, example=1999)
MIN_SCORE = Number("min_score", "Only albums with at least this Pitchfork score.", 0, 10, example=7.5)
BEST_NEW_MUSIC = Flag("best_new_music", "Only albums that Pitchfork named Best New Music.")
WAIT = Number(
    "wait",
    "How many seconds to wait for the answer before a 202 with the job; wins over `Prefer`.",
    0,
    WAIT_MAX_S,
    example=5,
)

DETAILS = Flag("details", "Answer with why a part is not well, or, without an admin key, with 401 or 403.")

FILTERS: tuple[Parameter[object], ...] = (GENRE, FROM_YEAR, TO_YEAR, MIN_SCORE, BEST_NEW_MUSIC)
SEARCH: tuple[Parameter[object], ...] = (K, *FILTERS, WAIT)
TEXT_SEARCH: tuple[Parameter[object], ...] = (QUERY, *SEARCH)
