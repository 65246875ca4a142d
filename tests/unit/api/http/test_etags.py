"""Tags name an answer; whether a client holds it is compared weakly."""

import pytest

from api.http.etags import etag_of, is_current, names_tag


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


def test_any_tag_is_not_this_tag() -> None:
    assert names_tag(['"other", W/"abc"'], 'W/"abc"')
    assert not names_tag(["*"], 'W/"abc"')
    assert not names_tag([], 'W/"abc"')


def test_the_tag_of_an_answer_follows_its_query_key() -> None:
    assert etag_of("a" * 64) != etag_of("b" * 64)
