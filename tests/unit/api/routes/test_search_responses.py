"""The stored JSON of a result is sent unchanged, but with the id of the client's own job."""

import json

import pytest

from api.contract.public_metadata import PublicMetadata
from api.contract.requests.prefer import WaitPreference
from api.routes.search_responses import response_of
from api.search.submit_and_wait import Answered, Cached, Unchanged
from common.catalog.protocol import Matches
from common.jobs import Timings
from common.result_json import RESULT_PREFIX, result_json
from common.search_query import SearchQuery, TextPart

KEY = "a" * 64
TIMINGS = Timings.of(total_ms=12.3, decode_ms=1, embed_ms=7, search_ms=2)
RESULT = result_json(Matches(), query=SearchQuery((TextPart("a"),)), model="m", timings=TIMINGS)
ANSWERED = Answered(RESULT, TIMINGS.as_document(), "ab12", query_key=KEY)
PATIENT = WaitPreference(wait_s=5)
ALL = PublicMetadata()


def test_an_answer_has_its_own_job_id_instead_of_null() -> None:
    response = response_of(ANSWERED, PATIENT, etag_suffix=None, path_prefix="", metadata=ALL)

    assert RESULT.startswith(RESULT_PREFIX)
    assert json.loads(bytes(response.body)) == {**json.loads(RESULT), "job_id": "ab12"}


def test_a_cached_answer_is_sent_byte_for_byte() -> None:
    response = response_of(
        Cached(RESULT, KEY, took_ms=0.4), PATIENT, etag_suffix="", path_prefix="", metadata=ALL
    )

    assert response.body == RESULT
    assert response.headers["x-cache"] == "hit"
    assert response.headers["etag"] == f'W/"{KEY[:32]}"'


def test_the_stages_of_a_cached_answer_add_up() -> None:
    response = response_of(
        Cached(RESULT, KEY, took_ms=0.44), PATIENT, etag_suffix=None, path_prefix="", metadata=ALL
    )

    assert response.headers["server-timing"] == (
        "queue;dur=0.4, decode;dur=0, embed;dur=0, search;dur=0, total;dur=0.4"
    )


@pytest.mark.parametrize(
    ("cached", "coalesced", "word"),
    [(False, False, "miss"), (False, True, "coalesced"), (True, False, "hit")],
)
def test_an_answer_says_whether_it_came_from_the_cache(*, cached: bool, coalesced: bool, word: str) -> None:
    answered = Answered(RESULT, {}, "ab12", cached=cached, coalesced=coalesced)

    response = response_of(answered, PATIENT, etag_suffix=None, path_prefix="", metadata=ALL)

    assert response.headers["x-cache"] == word


def test_an_answer_of_another_catalog_version_has_no_tag() -> None:
    answered = Answered(RESULT, {}, "ab12", query_key=None)

    response = response_of(answered, PATIENT, etag_suffix="", path_prefix="", metadata=ALL)

    assert "etag" not in response.headers


def test_a_client_that_has_the_answer_gets_304() -> None:
    response = response_of(Unchanged(KEY), PATIENT, etag_suffix="", path_prefix="", metadata=ALL)

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == f'W/"{KEY[:32]}"'


def test_server_timing_names_the_stages_of_the_run() -> None:
    response = response_of(ANSWERED, PATIENT, etag_suffix=None, path_prefix="", metadata=ALL)

    assert response.headers["server-timing"] == (
        "queue;dur=2.3, decode;dur=1, embed;dur=7, search;dur=2, total;dur=12.3"
    )
