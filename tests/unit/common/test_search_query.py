"""Two queries have the same query key if and only if they have the same answer."""

import sys
import unicodedata
from types import SimpleNamespace
from typing import Literal

import orjson
import pytest

from common.errors import InvalidParameter, UnknownQueryVersion
from common.filters import Filters, canonical_filters
from common.redis import keyspace
from common.search_query import (
    NEWEST_VERSION,
    VERSIONS,
    AlbumPart,
    ImagePart,
    SearchQuery,
    TextPart,
    clean_text,
    query_document,
    query_from_json,
    query_key,
    query_to_json,
    wire_version,
)

DIGEST = "ab" * 32


def key(query: SearchQuery, *, model: str = "m", catalog_version: str = "1") -> str:
    return query_key(query, model=model, catalog_version=catalog_version)


def text(words: str, weight: float = 1.0, *, explain: bool = False) -> SearchQuery:
    return SearchQuery((TextPart(words, weight),), explain=explain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (text("Red Guitar"), text("red guitar")),
        (text("red", weight=1.0), text("red", weight=3.0)),
        (
            SearchQuery((TextPart("a"), TextPart("b"))),
            SearchQuery((TextPart("b"), TextPart("a"))),
        ),
        (
            SearchQuery((TextPart("a"),), Filters(genres=("Rock", "Jazz"))),
            SearchQuery((TextPart("a"),), Filters(genres=("Jazz", "Rock", "Jazz"))),
        ),
        (
            SearchQuery((TextPart("a"),), Filters(artists=("Radiohead", "The  Smile"))),
            SearchQuery((TextPart("a"),), Filters(artists=("the smile", "RADIOHEAD"))),
        ),
        (
            SearchQuery((TextPart("a"),), Filters(genres=("Électro Pop",))),
            SearchQuery((TextPart("a"),), Filters(genres=("ÉLECTRO  pop", "électro pop"))),
        ),
        (text("Red", explain=True), text("red", weight=3.0, explain=True)),
    ],
)
def test_queries_with_the_same_answer_share_a_key(one: SearchQuery, other: SearchQuery) -> None:
    assert key(one) == key(other)


DISTINCT = [
    text("red"),
    text("blue"),
    SearchQuery((TextPart("red"),), k=11),
    SearchQuery((TextPart("red"),), Filters(genres=("Rock",))),
    SearchQuery((TextPart("red"),), Filters(year_min=1990)),
    SearchQuery((TextPart("red"),), Filters(year_max=1990)),
    SearchQuery((TextPart("red"),), Filters(min_score=8.0)),
    SearchQuery((TextPart("red"),), Filters(best_new_music=True)),
    SearchQuery((TextPart("red"),), Filters(artists=("Red",))),
    SearchQuery((TextPart("red"),), Filters(artists=("Réd",))),
    SearchQuery((TextPart("red"),), Filters(metadata=(("label", "Red"),))),
    SearchQuery((TextPart("red"),), Filters(metadata=(("label", "red"),))),
    SearchQuery((TextPart("red"),), Filters(metadata=(("Red", "label"),))),
    SearchQuery((TextPart("red"),), offset=10),
    SearchQuery((TextPart("red"),), min_similarity=0.0),
    SearchQuery((TextPart("red"),), min_similarity=0.5),
    SearchQuery((TextPart("red"),), include=("metadata",)),
    SearchQuery((TextPart("red"),), include=("metadata", "reviewer")),
    SearchQuery((TextPart("red"),), Filters(color="#d7262d")),
    SearchQuery((TextPart("red"),), Filters(color="#2a5fd8")),
    SearchQuery((TextPart("red"),), facets=True),
    SearchQuery((ImagePart(DIGEST),)),
    SearchQuery((AlbumPart("Red"),)),
    SearchQuery((AlbumPart("red"),)),
    SearchQuery((TextPart("red"), TextPart("blue", -0.5))),
    SearchQuery((TextPart("red"), TextPart("blue", 0.5))),
    text("red", explain=True),
    # Explanations name the parts of a query by their positions.
    SearchQuery((TextPart("red"), TextPart("blue", -0.5)), explain=True),
    SearchQuery((TextPart("blue", -0.5), TextPart("red")), explain=True),
]


def test_queries_with_different_answers_have_different_keys() -> None:
    keys = {key(query) for query in DISTINCT}

    assert len(keys) == len(DISTINCT)


def test_the_query_key_depends_on_model_and_catalog() -> None:
    query = text("red")

    keys = {key(query), key(query, model="n"), key(query, catalog_version="2")}

    assert len(keys) == 3


def test_the_query_key_depends_on_whether_results_link_thumbnails() -> None:
    keys = {
        query_key(text("red"), model="m", catalog_version="1", has_thumbnails=has_thumbnails)
        for has_thumbnails in (False, True)
    }

    assert len(keys) == 2


@pytest.mark.parametrize("query", DISTINCT)
def test_a_query_survives_the_wire(query: SearchQuery) -> None:
    assert query_from_json(query_to_json(query)) == query


@pytest.mark.parametrize("query", DISTINCT)
def test_a_query_has_version_1_exactly_if_the_first_release_can_answer_it(query: SearchQuery) -> None:
    first = {"v", "type", "parts", "k", "genre", "year_min", "year_max", "min_score", "best_new_music"}

    document = orjson.loads(query_to_json(query))

    assert document["v"] == (1 if document.keys() == first else 2)


@pytest.mark.parametrize("query", DISTINCT)
def test_the_version_of_a_query_is_the_version_of_its_wire_form(query: SearchQuery) -> None:
    assert wire_version(query) == orjson.loads(query_to_json(query))["v"]


def test_each_version_of_queries_has_a_queue() -> None:
    assert keyspace.QUERY_VERSIONS == VERSIONS
    assert len(set(keyspace.SEARCH_QUEUES)) == len(VERSIONS)


@pytest.mark.parametrize("change", [{"v": NEWEST_VERSION, "later": True}, {"v": NEWEST_VERSION + 1}])
def test_a_query_of_a_later_release_is_left_to_a_worker_of_that_release(change: dict[str, object]) -> None:
    document = orjson.loads(query_to_json(text("red"))) | change

    with pytest.raises(UnknownQueryVersion):
        query_from_json(orjson.dumps(document))


def test_workers_of_the_first_release_refuse_a_query_that_asks_for_explanations() -> None:
    assert orjson.loads(query_to_json(text("red")))["v"] == 1
    assert orjson.loads(query_to_json(text("red", explain=True)))["v"] == 2


def test_a_query_that_asks_for_no_explanation_has_no_such_field() -> None:
    assert "explain" not in query_document(text("red"))
    assert query_document(text("red", explain=True))["explain"] is True


@pytest.mark.parametrize(
    "junk",
    [b"[]", b"{}", b'{"v":0}', b'{"v":"3"}', b'{"v":true}', b'{"v":1}', b'{"v":1,"parts":[]}', b"no json"],
)
def test_an_invalid_wire_message_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        query_from_json(junk)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  dark   ambient ", "dark ambient"),
        ("line\r\nbreak", "line break"),
        ("\x1b[31mred", "[31mred"),
        ("Caf\u0065\u0301", "Caf\u00e9"),
        ("zero\u200bwidth", "zero width"),
    ],
)
def test_control_characters_are_removed_from_a_text(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_every_control_character_and_white_space_separates_words() -> None:
    separators = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c)[0] in "CZ"]

    # A few separators at a time, because a text has at most 500 characters.
    for start in range(0, len(separators), 200):
        some = separators[start : start + 200]
        assert clean_text("".join(f"a{separator}" for separator in some)) == " ".join("a" * len(some))


@pytest.mark.parametrize("raw", ["", "   ", "\u200b\n\t", "x" * 501])
def test_an_empty_or_too_long_text_names_its_parameter(raw: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        clean_text(raw)

    assert refused.value.parameter == "query"


@pytest.mark.parametrize("raw", ["a " * 5001, "red" + " " * 10_000, "\u200b" * 10_001])
def test_a_text_of_too_many_blanks_is_refused_as_it_is(raw: str) -> None:
    with pytest.raises(InvalidParameter, match=f"the query has {len(raw)} characters; 500 are allowed"):
        clean_text(raw)


@pytest.mark.parametrize("k", [0, -1, 51])
def test_k_outside_its_range_is_refused(k: int) -> None:
    with pytest.raises(InvalidParameter) as refused:
        SearchQuery((TextPart("red"),), k=k)

    assert refused.value.parameter == "k"


@pytest.mark.parametrize("offset", [-1, 951])
def test_an_offset_outside_its_range_is_refused(offset: int) -> None:
    with pytest.raises(InvalidParameter) as refused:
        SearchQuery((TextPart("red"),), offset=offset)

    assert refused.value.parameter == "offset"


def test_a_reversed_year_range_is_refused() -> None:
    with pytest.raises(InvalidParameter) as refused:
        Filters(year_min=2000, year_max=1999)

    assert refused.value.parameter == "year_min"


@pytest.mark.parametrize("parts", [(), tuple(TextPart("a") for _ in range(9)), (TextPart("a", -1.0),)])
def test_a_query_without_an_answer_is_refused(parts: tuple[TextPart, ...]) -> None:
    with pytest.raises(InvalidParameter):
        SearchQuery(parts)


def test_the_query_type_follows_from_its_parts() -> None:
    assert text("red").type == "text"
    assert SearchQuery((ImagePart(DIGEST),)).type == "image"
    assert SearchQuery((AlbumPart("1"),)).type == "album"
    assert SearchQuery((AlbumPart("1"), TextPart("red"))).type == "composed"


def test_a_query_without_later_fields_has_the_wire_form_of_the_first_version() -> None:
    wire = query_to_json(SearchQuery((TextPart("red"),), Filters(genres=("Rock",)), 5))

    assert wire == (
        b'{"best_new_music":false,"genre":["Rock"],"k":5,"min_score":null,"parts":[{"text":"red",'
        b'"weight":1.0}],"type":"text","v":1,"year_max":null,"year_min":null}'
    )


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery((TextPart("red"),), Filters(color="#d7262d")),
        SearchQuery((TextPart("red"),), facets=True),
    ],
)
def test_a_query_that_earlier_workers_would_misread_has_a_version_that_they_refuse(
    query: SearchQuery,
) -> None:
    assert b'"v":2' in query_to_json(query)


def test_long_artists_in_other_scripts_are_not_normalized_for_the_query_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    normalized: list[str] = []

    def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        normalized.append(text)
        return unicodedata.normalize(form, text)

    monkeypatch.setattr("common.genres.unicodedata", SimpleNamespace(normalize=normalize))
    # NFKC makes 18 characters of this character.
    artists = tuple("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 490 + f"{n}" for n in range(50))

    canonical_filters(Filters(artists=(*artists, "Radiohead")))

    assert max(map(len, normalized)) == len("Radiohead")
