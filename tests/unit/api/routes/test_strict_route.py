"""A query string is validated by a Pydantic model, and one response reports all its errors."""

from typing import Annotated, Any
from urllib.parse import quote

import pytest
from fastapi import APIRouter, FastAPI, Header, Path, Query
from fastapi.responses import JSONResponse, Response
from fastapi.testclient import TestClient

from api.contract.requests.search_parameters import CacheableSearchHeaders, TextSearch
from api.error_handlers import install_error_handlers
from api.routes.strict_route import FIELDS_MAX, StrictRoute
from common.filters import Filters
from common.search_query import SearchQuery, TextPart

router = APIRouter(route_class=StrictRoute)
READ: list[tuple[SearchQuery, float | None]] = []


@router.get("/text")
async def text(
    asked: Annotated[TextSearch, Query()], headers: Annotated[CacheableSearchHeaders, Header()]
) -> Response:
    READ.append((asked.search(), asked.wait))
    read_headers = {
        "prefer": headers.prefer,
        "key": headers.idempotency_key,
        "tags": headers.if_none_match,
    }
    return JSONResponse(read_headers)


@router.get("/nothing")
async def nothing() -> Response:
    return JSONResponse({})


@router.get("/{name}/parts")
async def parts(name: Annotated[str, Path()]) -> Response:
    return JSONResponse({"name": name})


app = FastAPI()
app.include_router(router)
install_error_handlers(app)
client = TestClient(app)


def read(query_string: str) -> tuple[SearchQuery, float | None]:
    response = client.get(f"/text?{query_string}")
    assert response.status_code == 200, response.text
    return READ[-1]


def problems(url: str, **options: Any) -> dict[str, str]:
    response = client.get(url, **options)
    assert response.status_code == 422, response.text
    return {problem["parameter"]: problem["detail"] for problem in response.json()["errors"]}


def test_a_query_string_is_parsed_into_typed_values() -> None:
    query, wait_s = read(
        "query=%20dark%20%20ambient&k=5&genre=Rock&genre=Jazz&year_min=1990&year_max=1999"
        "&min_score=7.5&best_new_music=true&wait=2.5"
    )

    filters = Filters(("Rock", "Jazz"), 1990, 1999, 7.5, best_new_music=True)
    assert query == SearchQuery((TextPart("dark ambient"),), filters, 5)
    assert wait_s == 2.5


def test_pages_and_later_filters_are_parsed() -> None:
    query, _ = read(
        "query=red&offset=950&min_similarity=-0.5&include=reviewer&include=metadata&include=reviewer"
        "&artist=%20Bj%C3%B6rk&artist=&artist=Burial&meta.label=4AD&meta.a.b%22=%24+x&meta.KEY=k"
    )

    filters = Filters(artists=("Björk", "Burial"), metadata=(("KEY", "k"), ('a.b"', "$ x"), ("label", "4AD")))
    assert query == SearchQuery(
        (TextPart("red"),), filters, offset=950, min_similarity=-0.5, include=("metadata", "reviewer")
    )


def test_a_missing_parameter_has_its_default() -> None:
    assert read("query=red") == (SearchQuery((TextPart("red"),), Filters(), 10), None)


def test_an_empty_genre_is_no_filter() -> None:
    query, _ = read("query=red&genre=&genre=Rock")

    assert query.filters.genres == ("Rock",)


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        ("", "query"),
        ("query=", "query"),
        ("query=%20%0a", "query"),
        ("query=" + "x" * 501, "query"),
        ("query=a&query=b", "query"),
        ("query=a&k=0", "k"),
        ("query=a&k=51", "k"),
        ("query=a&k=", "k"),
        ("query=a&k=ten", "k"),
        ("query=a&k=1.0", "k"),
        ("query=a&k=1_0", "k"),
        ("query=a&k=%D9%A1", "k"),
        ("query=a&k=5&k=6", "k"),
        ("query=a&k=true", "k"),
        ("query=a&year_min=999", "year_min"),
        ("query=a&year_max=soon", "year_max"),
        ("query=a&year_min=1999&year_max=1990", "year_min"),
        ("query=a&min_score=nan", "min_score"),
        ("query=a&min_score=1_0", "min_score"),
        ("query=a&min_score=11", "min_score"),
        ("query=a&best_new_music=maybe", "best_new_music"),
        ("query=a&best_new_music=yes", "best_new_music"),
        ("query=a&genre=" + "x" * 101, "genre"),
        ("query=a&" + "&".join(["genre=a"] * 51), "genre"),
        ("query=a&wait=61", "wait"),
        ("query=a&wait=inf", "wait"),
        ("query=a&genres=Rock", "genres"),
        ("query=a&offset=-1", "offset"),
        ("query=a&offset=951", "offset"),
        ("query=a&offset=1.0", "offset"),
        ("query=a&offset=1&offset=1", "offset"),
        ("query=a&min_similarity=1.01", "min_similarity"),
        ("query=a&min_similarity=nan", "min_similarity"),
        ("query=a&min_similarity=-inf", "min_similarity"),
        ("query=a&include=embedding", "include"),
        ("query=a&include=", "include"),
        ("query=a&" + "&".join(["include=metadata"] * 11), "include"),
        ("query=a&artist=a%00b", "artist"),
        ("query=a&artist=" + "x" * 501, "artist"),
        ("query=a&" + "&".join(["artist=a"] * 51), "artist"),
        ("query=a&meta=x", "meta"),
        ("query=a&meta.=x", "meta."),
        ("query=a&meta.%20=x", "meta. "),
        ("query=a&meta.a%00=x", "meta.a\0"),
        ("query=a&meta." + "x" * 101 + "=x", "meta." + "x" * 100),
        ("query=a&meta.label=", "meta.label"),
        ("query=a&meta.label=%0a", "meta.label"),
        ("query=a&meta.label=a%7f", "meta.label"),
        ("query=a&meta.label=" + "x" * 501, "meta.label"),
        ("query=a&meta.label=a&meta.label=a", "meta.label"),
        ("query=a&" + "&".join(f"meta.k{n}=x" for n in range(9)), "meta.k8"),
    ],
)
def test_an_invalid_parameter_is_named(raw: str, parameter: str) -> None:
    found = problems(f"/text?{raw}")

    assert list(found) == [parameter]
    assert found[parameter][0].islower()


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ("query=a&k=99", "k is an integer from 1 to 50"),
        ("query=a&min_score=x", "min_score is a number from 0 to 10"),
        ("query=a&best_new_music=maybe", "best_new_music is true or false"),
        ("query=a&genre=" + "x" * 101, "genre is a list of at most 50 texts of 1 to 100 characters"),
        ("query=a&offset=951", "offset is an integer from 0 to 950"),
        ("query=a&min_similarity=2", "min_similarity is a number from -1 to 1"),
        ("query=a&include=x", "include is a list of at most 10 words, each metadata or reviewer"),
        (
            "query=a&artist=a%00b",
            "an artist is a text of 1 to 500 characters, not blank and without control characters",
        ),
        (
            "query=a&meta.label=",
            "meta.label is a text of 1 to 500 characters, not blank and without control characters",
        ),
        (
            "query=a&meta.=x",
            "the key after meta. is a text of 1 to 100 characters, not blank and without control characters",
        ),
        (
            "query=a&" + "&".join(f"meta.k{n}=x" for n in range(9)),
            "a search has at most 8 filters by metadata",
        ),
        ("query=a&meta.label=a&meta.label=b", "meta.label is given twice"),
        ("k=5", "query is missing"),
        ("query=a&k=1&k=2", "k is given twice"),
    ],
)
def test_an_invalid_parameter_is_explained_in_a_sentence(raw: str, detail: str) -> None:
    assert list(problems(f"/text?{raw}").values()) == [detail]


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("10", 10), ("50", 50)])
def test_an_integer_is_written_as_in_json(text: str, value: int) -> None:
    query, _ = read(f"query=a&k={text}")

    assert query.k == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0.0), ("7", 7.0), ("10", 10.0), ("7.5", 7.5), ("0.5", 0.5), ("7.50", 7.5)),
        *(("1e1", 10.0), ("75e-1", 7.5), ("0.1E+1", 1.0), ("1e01", 10.0)),
        # JSON allows a negative zero, which is read as zero.
        *(("-0", 0.0), ("-0.0", 0.0), ("-0e5", 0.0)),
    ],
)
def test_a_number_is_written_as_in_json(text: str, value: float) -> None:
    query, wait_s = read(f"query=a&min_score={quote(text)}&wait={quote(text)}")

    assert (repr(query.filters.min_score), repr(wait_s)) == (repr(value), repr(value))


#: Texts that are not JSON numbers: extra signs, leading zeros, incomplete fractions or exponents, blanks.
NO_NUMBERS = (
    *("+1", "+5", "++5", "--5", "- 5", "\u22125"),
    *("01", "05", "005", "00", "-01", "+01"),
    *("5.", ".5", "-.5", "5e", "e1", "5e+", "1e1.0", "1e", "1.e1", ".", "-", "+"),
    *("0x5", "0b1", "0o5", "1_0", "5,0", "1 0", "5f", "5d"),
    *("\u0661", "\uff15", "\u00b2", "\u2164", "1\u0660"),
    *(" 5", "5 ", "\t5", "5\n", "\u00a05", "5\0", "\ufeff5"),
    *("Infinity", "-Infinity", "inf", "NaN", "nan", "1e999", "null", "true", "''", '"5"', "[5]"),
)


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize(
    ("parameter", "described"),
    [
        ("k", "an integer from 1 to 50"),
        ("year_min", "an integer from 1000 to 9999"),
        ("year_max", "an integer from 1000 to 9999"),
        ("min_score", "a number from 0 to 10"),
        ("wait", "a number from 0 to 60"),
    ],
)
def test_a_number_that_json_would_not_write_is_refused(parameter: str, described: str, text: str) -> None:
    found = problems(f"/text?query=a&{parameter}={quote(text)}")

    assert found == {parameter: f"{parameter} is {described}"}


@pytest.mark.parametrize("text", ["+1990", "01990", "1990.", " 1990", "1990.0", "1.99e3", "\u0661990"])
def test_a_year_is_written_as_in_json(text: str) -> None:
    found = problems(f"/text?query=a&year_min={quote(text)}")

    assert found == {"year_min": "year_min is an integer from 1000 to 9999"}


@pytest.mark.parametrize("text", ["5.0", "5e0", "1e1", "0", "-0", "-5", "51", "9" * 20, "9" * 400])
def test_an_integer_outside_its_range_or_with_a_fraction_or_exponent_is_refused(text: str) -> None:
    assert problems(f"/text?query=a&k={text}") == {"k": "k is an integer from 1 to 50"}


def test_all_errors_are_reported_at_once() -> None:
    assert set(problems("/text?k=99&min_score=x&colour=red&wait=1&wait=2")) == {
        "query",
        "k",
        "min_score",
        "colour",
        "wait",
    }


def test_a_range_is_checked_even_with_other_errors() -> None:
    found = problems("/text?query=a&k=99&year_min=1999&year_max=1990")

    assert found == {"k": "k is an integer from 1 to 50", "year_min": "year_min 1999 is after year_max 1990"}


@pytest.mark.parametrize("raw", ["query=%FF", "query=a&" + "&".join(["genre="] * FIELDS_MAX)])
def test_a_query_string_that_is_not_utf_8_or_has_too_many_fields_is_refused(raw: str) -> None:
    assert list(problems(f"/text?{raw}")) == ["query string"]


def test_a_query_string_may_have_the_maximum_number_of_fields() -> None:
    query, _ = read("query=a&" + "&".join(["genre="] * (FIELDS_MAX - 1)))

    assert query == SearchQuery((TextPart("a"),))


def test_a_search_may_use_every_parameter_as_often_as_allowed() -> None:
    names = [f"genre=g{n}&artist=a{n}" for n in range(50)]
    metadata = [f"meta.k{n}=x" for n in range(8)]
    included = ["include=metadata", "include=reviewer"] * 5
    others = [
        "query=a&k=1&offset=1&min_similarity=0&explain=true&facets=true&wait=1",
        "year_min=1990&year_max=1999&min_score=1&best_new_music=true&color=%23d7262d",
    ]
    raw = "&".join((*names, *metadata, *included, *others))

    query, _ = read(raw)

    assert {field.partition("=")[0].partition(".")[0] for field in raw.split("&")} == set(
        TextSearch.model_fields
    )
    assert (len(query.filters.genres), len(query.filters.artists)) == (50, 50)
    assert raw.count("&") < FIELDS_MAX


def test_non_ascii_text_is_read() -> None:
    query, _ = read("query=caf%C3%A9")

    assert query.parts == (TextPart("café"),)


@pytest.mark.parametrize(("word", "value"), [("1", True), ("TRUE", True), ("0", False), ("false", False)])
def test_a_flag_is_true_false_1_or_0(word: str, *, value: bool) -> None:
    query, _ = read(f"query=a&best_new_music={word}")

    assert query.filters.best_new_music is value


def test_an_endpoint_without_parameters_refuses_any() -> None:
    assert problems("/nothing?k=5") == {"k": "unknown parameter k; this endpoint has none"}


def test_a_repeated_single_value_header_is_refused() -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    assert list(problems("/text?query=a", headers=headers)) == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
def test_an_idempotency_key_must_be_visible_ascii(key: str) -> None:
    assert list(problems("/text?query=a", headers={"Idempotency-Key": key.encode()})) == ["Idempotency-Key"]


def test_a_path_segment_encodes_a_slash_as_percent_2f() -> None:
    assert client.get("/a%2Fb/parts").json() == {"name": "a/b"}
    assert client.get("/%61/p%61rts").json() == {"name": "a"}


def test_a_parameter_that_the_route_cannot_read_is_refused_when_it_is_declared() -> None:
    async def with_cookie(session: str) -> Response:
        return JSONResponse({"session": session})

    with pytest.raises(TypeError, match="session"):
        router.add_api_route("/cookie", with_cookie)
