"""An entity tag (ETag) identifies an answer, and `If-None-Match` compares tags weakly."""

import pytest

from api.http.etags import content_etag, is_current, json_with_etag, names_tag, result_etag


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ([], False),
        (['W/"abc"'], True),
        (['"abc"'], True),
        (['"other", W/"abc"'], True),
        (['"other"', '"abc"'], True),
        (['"other"'], False),
        (["*"], True),
    ],
)
def test_tags_are_compared_weakly(given: list[str], *, current: bool) -> None:
    assert is_current(given, 'W/"abc"') is current


def test_the_wildcard_does_not_match_a_specific_tag() -> None:
    assert names_tag(['"other", W/"abc"'], 'W/"abc"')
    assert not names_tag(["*"], 'W/"abc"')
    assert not names_tag([], 'W/"abc"')


def test_the_tag_of_an_answer_depends_on_its_query_key() -> None:
    assert result_etag("a" * 64) != result_etag("b" * 64)


def test_a_json_answer_has_the_tag_of_its_body() -> None:
    answer = json_with_etag(b'{"a":1}', if_none_match=[content_etag(b'{"a":2}')])

    assert (answer.status_code, answer.body) == (200, b'{"a":1}')
    assert answer.headers["etag"] == content_etag(b'{"a":1}')
    assert answer.headers["content-type"] == "application/json"


def test_a_client_that_has_the_json_answer_gets_no_body() -> None:
    answer = json_with_etag(b'{"a":1}', if_none_match=[content_etag(b'{"a":1}')])

    assert (answer.status_code, answer.body) == (304, b"")
    assert answer.headers["etag"] == content_etag(b'{"a":1}')
