"""Only the public keys of metadata leave the gateway, and only these keys are filters."""

from typing import Any

import orjson
import pytest

from api.contract.public_metadata import PublicMetadata
from common.catalog.protocol import Album, Match, Matches
from common.errors import InvalidParameter
from common.filters import Filters
from common.jobs import NO_WORK
from common.result_json import RESULT_PREFIX, result_json
from common.search_query import SearchQuery, TextPart

QUERY = SearchQuery((TextPart("red"),), include=("metadata",))
#: A number that Python's float cannot represent.
METADATA = '{"label": "4AD", "price": 12345678901234567890.10, "notes": {"metadata": {"label": "x"}}}'


def album(**fields: Any) -> Album:
    known = {
        "id": "1",
        "artist": "A",
        "album_name": 'has "metadata": in its name',
        "genre": None,
        "release_year": None,
        "pitchfork_score": None,
        "best_new_music": False,
        "cover_url": None,
        "metadata": METADATA,
    }
    return Album(**{**known, **fields})


def result(*albums: Album, query: SearchQuery = QUERY) -> bytes:
    return result_json(Matches([Match(a, 0.5) for a in albums]), query=query, model="m", timings=NO_WORK)


def shown(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(body)["results"]
    return found


def test_all_keys_are_public_by_default() -> None:
    body = result(album())

    assert PublicMetadata.of(["*"]).of_result(body) is body
    assert PublicMetadata.of(["*"]).of_album(album()) == album()
    PublicMetadata.of(["*"]).check(Filters(metadata=(("secret", "1"),)))


def test_a_result_contains_only_public_keys() -> None:
    body = result(album(), album(id="2", metadata='{"price": 1}'))

    filtered = PublicMetadata.of(["label", "missing"]).of_result(body)

    assert filtered.startswith(RESULT_PREFIX)
    assert [each["metadata"] for each in shown(filtered)] == [{"label": "4AD"}, {}]
    others = [orjson.loads(each) for each in (body, filtered)]
    for document in others:
        for each in document["results"]:
            del each["metadata"]
    assert others[0] == others[1]


def test_numbers_keep_all_their_digits() -> None:
    public = PublicMetadata.of(["price"])

    assert b'"metadata":{"price":12345678901234567890.10}' in public.of_result(result(album()))
    assert public.of_album(album()).metadata == '{"price":12345678901234567890.10}'


def test_a_result_without_metadata_is_sent_unchanged() -> None:
    body = result(album(), query=SearchQuery((TextPart("red"),)))

    assert PublicMetadata.of([]).of_result(body) is body


@pytest.mark.parametrize(("keys", "says"), [(["label"], {"metadata_omitted": "too_large"}), ([], {})])
def test_omitted_metadata_is_a_secret_if_no_key_is_public(keys: list[str], says: dict[str, str]) -> None:
    large = album(metadata="{}", metadata_omitted="too_large")
    public = PublicMetadata.of(keys)

    (found,) = shown(public.of_result(result(large)))

    assert {name: value for name, value in found.items() if name.startswith("metadata")} == {
        "metadata": {},
        **says,
    }
    assert public.of_album(large).metadata_omitted == says.get("metadata_omitted")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["year", "label"], "this service has no filter meta.secret; its filters by metadata are meta.label"),
        ([], "this service has no filter meta.secret; it has no filter by metadata"),
    ],
)
def test_a_filter_by_another_key_is_refused_by_name(keys: list[str], sentence: str) -> None:
    filters = Filters(metadata=(("label", "4AD"), ("secret", "1")) if keys else (("secret", "1"),))

    with pytest.raises(InvalidParameter) as raised:
        PublicMetadata.of(keys).check(filters)

    assert raised.value.parameter == "meta.secret"
    assert raised.value.detail.startswith(sentence)


def test_the_tags_of_results_with_metadata_depend_on_the_public_keys() -> None:
    suffixes = [PublicMetadata.of(keys).etag_suffix(QUERY) for keys in (["*"], [], ["a"], ["a", "b"])]

    assert len({*suffixes}) == 4
    assert PublicMetadata.of(["b", "a"]).etag_suffix(QUERY) == suffixes[-1]
    assert PublicMetadata.of(["a"]).etag_suffix(SearchQuery((TextPart("red"),))) == ""
