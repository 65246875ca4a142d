"""Reads the values of cells: empty values, years, scores, booleans and HTML entities.

The read functions raise `PydanticCustomError`, whose type becomes the reason code in the file of notes.
"""

import html
import math
import re
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from common.filters import YEAR_MAX, YEAR_MIN

SCORE_MIN, SCORE_MAX = 0.0, 10.0

#: Words and dashes that pandas, R, SQL, Excel, Python and people write for a missing value.
_EMPTY_WORDS = frozenset(
    {"nan", "-nan", "none", "null", "n/a", "na", "nat", "<na>", "#n/a"}
    | {"-", "--", "\N{EN DASH}", "\N{EM DASH}"}
)
#: Words that always mean a missing value; NA is not among them, because it may stand for Namibia.
_EMPTY_SPELLINGS = frozenset({"nan", "NaN", "NaT", "NULL", "null", "N/A", "n/a", "<NA>", "#N/A"})
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
#: A decimal comma, as in 8,7, has at most two digits after it, because 1,000 could mean one thousand.
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d{1,2})", re.ASCII)
_TEN = re.compile(r"10(\.0*)?", re.ASCII)
#: Matches the year in 1972/2012, 1972.0/2012.0, 2016-05-01T00:00, c. 1972, [1972?] and 1972年, but not in
#: 1990s, 19721 and 1972.5.
_YEAR_FIRST = re.compile(
    r"(?:c\.?|ca\.?|circa|\(c\)|\(p\)|[~\N{COPYRIGHT SIGN}\N{SOUND RECORDING COPYRIGHT}])?\s*(?:[(\[]\s*)?"
    r"(\d{4})(?:\.0+)?(?![0-9A-SU-Z]|T\D|\.\d(?!\d?\.\d))",
    re.ASCII | re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
#: Matches dates such as 01.05.2016, 5/1/2016, May 1, 2016, 1 May 2016 and May 2016.
_YEAR_LAST = re.compile(
    rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]|{_MONTH}\s+(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+)(\d{{4}})",
    re.ASCII | re.IGNORECASE,
)
#: An HTML entity must end in a semicolon, otherwise `R&B` and `Tom &copy` would contain entities.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.ASCII | re.IGNORECASE)
_ENTITY_MAX_CHARS = 34


def is_empty(value: object) -> bool:
    """Return whether a cell is empty, regardless of the meaning of its column."""
    # An empty cell in a numeric column of a Parquet file is NaN.
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def is_empty_word(value: object) -> bool:
    """Return whether a cell of an optional field contains a word for a missing value."""
    return isinstance(value, str) and value.strip().casefold() in _EMPTY_WORDS


def is_placeholder(value: object) -> bool:
    """Return whether a metadata cell is a marker that programs write for a missing value, such as `NaN`."""
    return isinstance(value, str) and value.strip() in _EMPTY_SPELLINGS


def decode_entities(value: object) -> object:
    """Return a text, or every text in a list, with its HTML entities decoded.

    Decoding repeats until no entity is left, so that an exported value is read back unchanged.
    """
    if isinstance(value, list):
        return [decode_entities(part) for part in value]
    return _decoded(value) if isinstance(value, str) and _ENTITY.search(value) else value


def _decoded(text: str) -> str:
    """Decode from the end to the start, because decoding the whole text repeatedly takes quadratic time."""
    before, *parts = text.split("&")
    #: The characters after the current ampersand, in reversed order; they contain no entity.
    rest: list[str] = []
    for part in reversed(parts):
        rest += reversed(part)
        # A decoded entity may begin with an ampersand, which may begin another entity.
        is_ampersand = True
        while is_ampersand:
            entity = _ENTITY.match("&" + "".join(rest[: -_ENTITY_MAX_CHARS - 1 : -1]))
            decoded = html.unescape(entity[0]) if entity else "&"
            if entity is None or decoded == entity[0]:
                rest.append("&")
                break
            del rest[1 - len(entity[0]) :]
            is_ampersand = decoded.startswith("&")
            rest += reversed(decoded.removeprefix("&"))
    return before + "".join(reversed(rest))


def read_year(value: object) -> int:
    """Return the year in a number or a date, or the first of several years."""
    number = _number(value)
    if number is None and isinstance(value, str):
        text = value.strip()
        found = _YEAR_LAST.fullmatch(text) or _YEAR_FIRST.match(text)
        number = None if found is None else float(found[1])
    if number is None or number != int(number):
        raise PydanticCustomError("not_a_year", "not a year")
    if not YEAR_MIN <= number <= YEAR_MAX:
        raise PydanticCustomError("year_out_of_range", "a year is one of {first} to {last}", _YEARS)
    return int(number)


def is_year(value: object) -> bool:
    """Return whether `read_year` can read a value."""
    try:
        read_year(value)
    except PydanticCustomError:
        return False
    return True


_YEARS = {"first": YEAR_MIN, "last": YEAR_MAX}


def read_score(value: object) -> float:
    """Return the score in a number or a text such as `8.7`, `8,7` or `8.7/10`."""
    if isinstance(value, str):
        text = _without_of_ten(value.strip())
        value = _DECIMAL_COMMA.sub(r"\1.\2", text) if _DECIMAL_COMMA.fullmatch(text) else text
    number = _number(value)
    if number is None:
        raise PydanticCustomError("not_a_score", "not a score")
    if not SCORE_MIN <= number <= SCORE_MAX:
        raise PydanticCustomError("score_out_of_range", "a score is one of 0 to 10")
    return abs(number)


def _without_of_ten(text: str) -> str:
    """Return a text such as `8.7/10` without its `/10`."""
    score, slash, best = text.rpartition("/")
    return score.rstrip() if slash and _TEN.fullmatch(best.strip()) else text


def read_flag(value: object) -> bool:
    """Return the boolean that a word or a number stands for, such as `yes`, `1` or pandas' `1.0`."""
    word, number = str(value).strip().casefold(), _number(value)
    if word in _TRUE or number == 1:
        return True
    if word in _FALSE or number == 0:
        return False
    raise PydanticCustomError("not_a_boolean", "neither yes nor no")


def _number(value: object) -> float | None:
    """Return the value as a finite number, or None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        number = float(value)
    except OverflowError:
        # An integer, unlike a text, can be too large for a float.
        return None
    return number if math.isfinite(number) else None


Year = Annotated[int, BeforeValidator(read_year)]
Score = Annotated[float, BeforeValidator(read_score)]
Flag = Annotated[bool, BeforeValidator(read_flag)]
