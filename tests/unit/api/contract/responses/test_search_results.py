"""The models of results accept the results of earlier releases, which lack fields."""

from api.contract.responses.search_results import RESULT_EXAMPLE, Match, Result


def test_a_result_of_an_earlier_release_lacks_later_fields() -> None:
    later = {"requested", "exhausted", "truncated", "named"}
    earlier = {name: value for name, value in RESULT_EXAMPLE.items() if name not in later}

    result = Result.model_validate(earlier)

    assert (result.requested, result.exhausted, result.truncated, result.named) == (None, False, False, [])


def test_an_album_of_an_earlier_release_has_no_thumbnails() -> None:
    example = RESULT_EXAMPLE["results"][0]
    earlier = {name: value for name, value in example.items() if name != "thumbnail_urls"}

    assert Match.model_validate(earlier).thumbnail_urls is None
