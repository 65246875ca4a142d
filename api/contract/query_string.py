"""Reads a query string by the table of parameters and says everything that is wrong with it at once."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

from api.contract.http_errors import InvalidRequest
from api.contract.parameters import BEST_NEW_MUSIC, FROM_YEAR, GENRE, MIN_SCORE, TO_YEAR, K, Parameter
from common.errors import InvalidParameter
from common.queries import K_DEFAULT, Filters

T = TypeVar("T")

#: More than any request of ours has; a longer query string is not read at all.
FIELDS_MAX = 100
NAME_SHOWN_CHARS = 50


class QueryString:
    """The parameters of one request."""

    def __init__(self, raw: bytes, allowed: Sequence[Parameter[object]]) -> None:
        self._problems: list[InvalidParameter] = []
        self._given: dict[str, list[str]] = {}
        names = [parameter.name for parameter in allowed]
        for name, value in _pairs(raw):
            if name in self._given:
                self._given[name].append(value)
                continue
            self._given[name] = [value]
            if name not in names:
                self._problems.append(_unknown(name, names))

    def one(self, parameter: Parameter[T]) -> T | None:
        """Return the value of a parameter that may be given once."""
        texts = self._given.get(parameter.name, ())
        if len(texts) > 1:
            self.reject(InvalidParameter(f"{parameter.name} is given twice", parameter=parameter.name))
        elif texts:
            return self._parsed(parameter, texts[0])
        return None

    def many(self, parameter: Parameter[T]) -> tuple[T, ...]:
        """Return every value of a parameter that may be repeated, less empty ones."""
        parsed = [self._parsed(parameter, text) for text in self._given.get(parameter.name, ())]
        return tuple(value for value in parsed if value)

    def required(self, parameter: Parameter[T]) -> T | None:
        """Return the value of a parameter that must be given; None only where `check` will raise."""
        if parameter.name not in self._given:
            self.reject(InvalidParameter(f"{parameter.name} is missing", parameter=parameter.name))
        return self.one(parameter)

    def k(self) -> int:
        """Return how many results are wanted."""
        return self.one(K) or K_DEFAULT

    def filters(self) -> Filters:
        """Return the conditions that every result must meet."""
        try:
            return Filters(
                genres=self.many(GENRE),
                year_min=self.one(FROM_YEAR),
                year_max=self.one(TO_YEAR),
                min_score=self.one(MIN_SCORE),
                best_new_music=self.one(BEST_NEW_MUSIC) or False,
            )
        except InvalidParameter as problem:
            self.reject(problem)
            return Filters()

    def reject(self, problem: InvalidParameter) -> None:
        """Add something that is wrong with the request."""
        self._problems.append(problem)

    def check(self) -> None:
        """End the reading.

        Raises:
            InvalidRequest: something was wrong.
        """
        if self._problems:
            raise InvalidRequest(self._problems)

    def _parsed(self, parameter: Parameter[T], text: str) -> T | None:
        try:
            return parameter.parse(text)
        except InvalidParameter as problem:
            self.reject(problem)
            return None


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        problem = InvalidParameter(
            f"the query string is not UTF-8, or has more than {FIELDS_MAX} fields", parameter="query string"
        )
        raise InvalidRequest([problem]) from error


def _unknown(name: str, names: Sequence[str]) -> InvalidParameter:
    known = f"known are {', '.join(names)}" if names else "this endpoint takes none"
    return InvalidParameter(f"unknown parameter; {known}", parameter=name[:NAME_SHOWN_CHARS])
