"""A query string is read by the table of parameters, and everything wrong is said at once."""

import pytest

from api.contract.http_errors import InvalidRequest
from api.contract.parameters import BEST_NEW_MUSIC, GENRE, MIN_SCORE, QUERY, TEXT_SEARCH, WAIT
from api.contract.query_string import QueryString
from common.queries import Filters


def read(raw: bytes) -> QueryString:
    return QueryString(raw, TEXT_SEARCH)


def read_all(raw: bytes) -> None:
    given = read(raw)
    given.required(QUERY)
    given.k()
    given.filters()
    given.one(WAIT)
    given.check()


def problems(raw: bytes) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        read_all(raw)
    return {problem.parameter: problem.detail for problem in caught.value.problems}


def test_a_whole_query_string_becomes_typed_values() -> None:
    given = read(
        b"query=%20dark%20%20ambient&k=5&genre=Rock&genre=Jazz&year_min=1990&year_max=1999"
        b"&min_score=7.5&best_new_music=true&wait=2.5"
    )

    assert given.required(QUERY) == "dark ambient"
    assert given.k() == 5
    assert given.filters() == Filters(("Rock", "Jazz"), 1990, 1999, 7.5, best_new_music=True)
    assert given.one(WAIT) == 2.5
    given.check()


def test_what_is_not_given_has_its_default() -> None:
    given = read(b"query=red")

    assert given.k() == 10
    assert given.filters() == Filters()
    assert given.one(WAIT) is None


def test_an_empty_genre_is_no_filter() -> None:
    assert read(b"genre=&genre=Rock").many(GENRE) == ("Rock",)


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        (b"", "query"),
        (b"query=", "query"),
        (b"query=%20%0a", "query"),
        (b"query=" + b"x" * 501, "query"),
        (b"query=a&query=b", "query"),
        (b"query=a&k=0", "k"),
        (b"query=a&k=51", "k"),
        (b"query=a&k=", "k"),
        (b"query=a&k=ten", "k"),
        (b"query=a&k=1.0", "k"),
        (b"query=a&k=1_0", "k"),
        (b"query=a&k=%D9%A1", "k"),
        (b"query=a&k=5&k=6", "k"),
        (b"query=a&year_min=999", "year_min"),
        (b"query=a&year_max=soon", "year_max"),
        (b"query=a&year_min=1999&year_max=1990", "year_min"),
        (b"query=a&min_score=nan", "min_score"),
        (b"query=a&min_score=11", "min_score"),
        (b"query=a&best_new_music=maybe", "best_new_music"),
        (b"query=a&genre=" + b"x" * 101, "genre"),
        (b"query=a&wait=61", "wait"),
        (b"query=a&wait=inf", "wait"),
        (b"query=a&genres=Rock", "genres"),
    ],
)
def test_what_is_wrong_is_said_by_the_parameters_name(raw: bytes, parameter: str) -> None:
    assert list(problems(raw)) == [parameter]


def test_everything_wrong_is_said_at_once() -> None:
    assert set(problems(b"k=99&min_score=x&colour=red")) == {"query", "k", "min_score", "colour"}


@pytest.mark.parametrize("raw", [b"query=%FF", b"query=\xff", b"&".join([b"genre=a"] * 101)])
def test_a_query_string_that_is_no_text_is_refused(raw: bytes) -> None:
    assert list(problems(raw)) == ["query string"]


def test_text_outside_of_ascii_is_read_encoded_or_not() -> None:
    assert read("query=café".encode()).one(QUERY) == read(b"query=caf%C3%A9").one(QUERY) == "café"


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("0", False), ("false", False)])
def test_a_flag_is_a_word_or_a_digit(text: str, *, value: bool) -> None:
    assert read(f"best_new_music={text}".encode()).one(BEST_NEW_MUSIC) is value


def test_a_score_may_be_whole() -> None:
    assert read(b"min_score=7").one(MIN_SCORE) == 7.0
