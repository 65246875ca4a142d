"""Tests of the JSON of a search result."""

from dataclasses import replace

import orjson
import pytest

from common.catalog.facets.counts import Facets, facets_document
from common.catalog.protocol import Album, Match, Matches
from common.jobs import Timings
from common.result_json import RESULT_PREFIX, Explanation, result_json, with_job_id
from common.search_query import ImagePart, SearchQuery
from common.thumbnails import Thumbnails

ALBUM = Album(
    id="585",
    artist="Pink Floyd",
    album_name="The Dark Side of the Moon",
    genre="Rock",
    genres=("Rock", "Experimental"),
    release_year=1973,
    pitchfork_score=10.0,
    best_new_music=False,
    cover_url="/covers/585.jpg",
    thumbnails=Thumbnails(px_256="ab" * 32, px_512="cd" * 32),
    reviewer="Ann",
    metadata='{"label": "4AD", "barcode": 123456789012345678901234567890}',
)
QUERY = SearchQuery((ImagePart("ab" * 32),), k=3)
TIMINGS = Timings.of(total_ms=4, decode_ms=1, embed_ms=1, search_ms=1)


def make(
    query: SearchQuery = QUERY,
    *,
    exhausted: bool = True,
    public_url: str | None = None,
    has_thumbnails: bool = False,
    album: Album = ALBUM,
) -> bytes:
    return result_json(
        Matches([Match(album, 0.89)], exhausted=exhausted),
        query=query,
        model="m",
        timings=TIMINGS,
        public_url=public_url,
        has_thumbnails=has_thumbnails,
    )


def test_a_result_has_the_fields_of_the_contract() -> None:
    document = orjson.loads(make())

    assert document["success"] is True
    assert document["query_type"] == "image"
    assert document["requested"] == 3
    assert document["total_results"] == 1
    assert document["exhausted"] is True
    assert document["job_id"] is None
    assert document["results"][0] == {
        "id": "585",
        "artist": "Pink Floyd",
        "album_name": "The Dark Side of the Moon",
        "genre": "Rock",
        "genres": ["Rock", "Experimental"],
        "release_year": 1973,
        "similarity": 0.89,
        "pitchfork_score": 10.0,
        "best_new_music": False,
        "cover_url": "/covers/585.jpg",
        "thumbnail_urls": None,
    }


@pytest.mark.parametrize("public_url", [None, "https://covers.example/music"])
def test_a_result_links_thumbnails_if_the_service_has_them(public_url: str | None) -> None:
    (found,) = orjson.loads(make(public_url=public_url, has_thumbnails=True))["results"]
    bare = replace(ALBUM, thumbnails=None)
    (without,) = orjson.loads(make(public_url=public_url, has_thumbnails=True, album=bare))["results"]

    assert found["thumbnail_urls"] == {
        "256": f"{public_url or ''}/thumbnails/ab/{'ab' * 32}.webp",
        "512": f"{public_url or ''}/thumbnails/cd/{'cd' * 32}.webp",
    }
    assert without["thumbnail_urls"] is None


def test_the_result_json_lists_albums_with_the_name_of_the_text() -> None:
    body = result_json(
        Matches(named=[ALBUM]),
        query=QUERY,
        model="m",
        timings=TIMINGS,
        public_url="https://example.org",
        has_thumbnails=True,
    )
    (result,) = orjson.loads(make(public_url="https://example.org", has_thumbnails=True))["results"]
    del result["similarity"]

    assert orjson.loads(body)["named"] == [result]
    assert orjson.loads(body)["results"] == []
    assert orjson.loads(make())["named"] == []


def test_an_explanation_has_the_fields_of_the_contract() -> None:
    explanation: Explanation = {
        "parts": [{"part": 0, "contribution": 0.94}, {"part": 1, "contribution": -0.05}],
        "words": [{"word": "red", "similarity": 0.31, "group": "colour"}],
    }

    body = result_json(
        Matches([Match(ALBUM, 0.89)]), query=QUERY, model="m", timings=TIMINGS, explanations=[explanation]
    )

    assert orjson.loads(body)["results"][0]["explain"] == explanation


@pytest.mark.parametrize("truncated", [True, False])
def test_the_result_json_shows_whether_a_text_was_truncated(truncated: bool) -> None:
    body = result_json(Matches(), query=QUERY, model="m", timings=TIMINGS, truncated=truncated)

    assert orjson.loads(body)["truncated"] is truncated


def test_setting_the_job_id_replaces_only_the_null() -> None:
    body = make()

    spliced = orjson.loads(with_job_id(body, "ab12"))

    assert body.startswith(RESULT_PREFIX)
    assert spliced.pop("job_id") == "ab12"
    assert spliced == {k: v for k, v in orjson.loads(body).items() if k != "job_id"}


def test_a_relative_cover_gets_the_public_base_url() -> None:
    document = orjson.loads(make(public_url="https://covers.example"))

    assert document["results"][0]["cover_url"] == "https://covers.example/covers/585.jpg"


def test_a_page_that_is_not_the_last_is_not_exhausted() -> None:
    assert orjson.loads(make(exhausted=False))["exhausted"] is False


def test_included_fields_follow_the_usual_ones() -> None:
    both = make(replace(QUERY, include=("metadata", "reviewer")))
    reviewer = orjson.loads(make(replace(QUERY, include=("reviewer",))))["results"][0]

    # orjson cannot read so large a number, and must not have to.
    assert b'"metadata":{"label": "4AD", "barcode": 123456789012345678901234567890}' in both
    assert b'"reviewer":"Ann"' in both
    assert reviewer["reviewer"] == "Ann"
    assert "metadata" not in reviewer


def test_a_search_by_colour_tells_how_many_albums_it_cannot_find() -> None:
    plain, by_colour = (
        orjson.loads(result_json(matches, query=QUERY, model="m", timings=TIMINGS))
        for matches in (Matches([]), Matches([], without_palette=0))
    )

    assert "albums_without_palette" not in plain
    assert by_colour == plain | {"albums_without_palette": 0}


def test_only_a_result_with_facets_has_the_field() -> None:
    facets = Facets(7, (("Rock", 7),), ((1990, 7),), ((8, 7),), 2, 5, (("red", 7),))

    plain, counted = (
        orjson.loads(result_json(Matches([]), query=QUERY, model="m", timings=TIMINGS, facets=each))
        for each in (None, facets)
    )

    assert "facets" not in plain
    assert counted == plain | {"facets": facets_document(facets)}
