"""The list of albums: its pages, its cursors, and the values that it refuses."""

import base64

import httpx
import orjson
import pytest

from api.contract.requests.album_cursor import encode
from common.catalog.protocol import NamePosition
from common.errors import CatalogUnavailable
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import MemoryCatalog, make_album

PATH = "/api/albums"


def pages(client: httpx.Client, **parameters: str | int) -> list[dict[str, object]]:
    """Return every page, by following the cursors."""
    found = [client.get(PATH, params=parameters).raise_for_status().json()]
    while (cursor := found[-1]["next_cursor"]) is not None:
        found.append(client.get(PATH, params={**parameters, "cursor": cursor}).raise_for_status().json())
    return found


def ids(document: dict[str, object]) -> list[str]:
    albums = document["albums"]
    assert isinstance(albums, list)
    return [album["id"] for album in albums]


def test_an_album_in_the_list_has_every_field_and_how_it_matches(client: httpx.Client) -> None:
    document = client.get(PATH, params={"q": "album 7", "limit": 1}).json()

    assert document == {
        "success": True,
        "albums": [{**client.get("/api/albums/7").json(), "match": "words"}],
        "next_cursor": None,
    }


def test_without_a_query_the_pages_list_every_album_once(
    client: httpx.Client, catalog: MemoryCatalog
) -> None:
    found = pages(client, limit=7)

    assert [album_id for page in found for album_id in ids(page)] == sorted(catalog.albums)
    assert [len(ids(page)) for page in found] == [7] * 8 + [4]
    assert {album["match"] for page in found for album in page["albums"]} == {None}  # type: ignore[attr-defined]


def test_an_empty_query_is_no_query(client: httpx.Client) -> None:
    whole = client.get(PATH).json()

    assert len(ids(whole)) == 20
    assert [client.get(PATH, params={"q": q}).json() for q in ("", "  ", "\0\t")] == [whole] * 3


def test_controls_and_white_space_in_a_query_are_single_spaces(
    client: httpx.Client, catalog: MemoryCatalog
) -> None:
    catalog.albums["kid"] = make_album(7, album_id="kid")

    assert ids(client.get(PATH, params={"q": "\talbum\0\u202e\x1f  7\n"}).json()) == ["7", "kid"]


def test_a_list_is_tagged_and_current(client: httpx.Client, catalog: MemoryCatalog) -> None:
    first = client.get(PATH, params={"q": "artist"})
    again = client.get(PATH, params={"q": "artist"}, headers={"If-None-Match": first.headers["etag"]})
    catalog.albums["0"] = make_album(0, album_id="0")
    changed = client.get(PATH, params={"q": "artist"}, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert ids(changed.json())[0] == "0"


@pytest.mark.parametrize(
    ("parameters", "name", "detail"),
    [
        ({"q": "a" * 201}, "q", "200"),
        ({"q": "word " * 500}, "q", "200"),
        ({"limit": "0"}, "limit", "limit is an integer from 1 to 100"),
        ({"limit": "101"}, "limit", "limit is an integer from 1 to 100"),
        ({"limit": "ten"}, "limit", "limit is an integer from 1 to 100"),
        ({"limit": ""}, "limit", "limit is an integer from 1 to 100"),
        ({"cursor": ""}, "cursor", "next_cursor"),
        ({"cursor": "a" * 8001}, "cursor", "8000"),
        ({"cursor": "not base64!"}, "cursor", "next_cursor"),
        ({"cursor": "A"}, "cursor", "next_cursor"),
        ({"cursor": "AAAA"}, "cursor", "next_cursor"),
        ({"cursor": base64.urlsafe_b64encode(b"[1,2,3,]").decode().rstrip("=")}, "cursor", "next_cursor"),
        ({"cursor": base64.urlsafe_b64encode(b"[" * 4998).decode()}, "cursor", "next_cursor"),
        ({"cursor": encode(NamePosition(9, 0, "a", "b"), query=None)}, "cursor", "next_cursor"),
        ({"cursor": encode(NamePosition(1, -2, "a", "b"), query=None)}, "cursor", "next_cursor"),
        ({"cursor": encode(NamePosition(1, 10**12, "a", "b"), query=None)}, "cursor", "next_cursor"),
        ({"cursor": encode(NamePosition(1, 0, "a\0", "b"), query=None)}, "cursor", "next_cursor"),
        ({"cursor": encode(NamePosition(1, 0, "a", "b"), query="a")}, "cursor", "same q"),
        ({"cursor": encode(NamePosition(1, 0, "a", "b"), query=None), "q": "a"}, "cursor", "same q"),
        ({"genre": "Rock"}, "genre", "known parameters: q, limit, cursor"),
    ],
)
def test_a_hostile_value_is_refused_by_name(
    client: httpx.Client, parameters: dict[str, str], name: str, detail: str
) -> None:
    answer = client.get(PATH, params=parameters)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert [error["parameter"] for error in answer.json()["errors"]] == [name]
    assert detail in answer.json()["errors"][0]["detail"]


def test_a_cursor_with_a_lone_surrogate_is_refused(client: httpx.Client) -> None:
    fields = orjson.dumps([encode_hash(), 1, 0, "NAME", "b"]).replace(b"NAME", rb"\ud800")
    answer = client.get(PATH, params={"cursor": base64.urlsafe_b64encode(fields).decode().rstrip("=")})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def encode_hash() -> str:
    """Return the hash of "no query" from a valid cursor."""
    cursor = encode(NamePosition(), query=None)
    fields: list[str] = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return fields[0]


@pytest.mark.parametrize("query", [b"q=%ED%A0%80", b"q=%FF", b"q=a&q=b"])
def test_a_query_that_is_not_one_text_is_refused(client: httpx.Client, query: bytes) -> None:
    answer = client.get(httpx.URL(PATH, query=query))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def test_a_list_of_a_catalog_that_is_down_is_unavailable(
    client: httpx.Client, catalog: MemoryCatalog
) -> None:
    catalog.fault = CatalogUnavailable("the catalog is down")

    answer = client.get(PATH, params={"q": "artist"})

    assert (answer.status_code, answer.json()["code"]) == (503, "catalog_unavailable")


def test_covers_of_listed_albums_have_full_addresses(start_gateway: StartGateway) -> None:
    with start_gateway(PUBLIC_URL="https://example.org").client() as client:
        document = client.get(PATH, params={"q": "album 7"}).json()

    assert document["albums"][0]["cover_url"] == "https://example.org/covers/7.jpg"


def test_a_search_by_text_tells_which_albums_have_this_name(client: httpx.Client) -> None:
    called = client.get("/api/search-by-text", params={"query": "album 7", "k": 1}).json()
    other = client.get("/api/search-by-text", params={"query": "a red guitar", "k": 1}).json()
    cached = client.get("/api/search-by-text", params={"query": "Album 7", "k": 1})

    assert called["named"] == [client.get("/api/albums/7").json()]
    assert other["named"] == []
    assert cached.headers["x-cache"] == "hit"
    assert cached.json()["named"] == called["named"]
