"""Every album id that an ingest accepts can be requested over HTTP."""

from urllib.parse import quote

import httpx
import pytest

from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.tables.raw_row import Cells, RawRow
from tests.integration.api.raw import address_of, answers, exchange
from tests.integration.api.stand_ins import MemoryCatalog, make_album
from tests.running_gateway import RunningGateway

IDS = [
    "a/b",
    "/",
    "a/",
    "/a",
    "a//b",
    "a/../b",
    "../a",
    "...",
    "a%2Fb",
    "50%",
    "%",
    "%zz",
    "a?b=c&d",
    "a#b",
    "a+b",
    "a b",
    "a;b=c",
    "a:b@c",
    "\\",
    '"',
    "<script>",
    "{album_id}",
    "similar",
    "a/similar",
    "/similar",
    "a/similar/similar",
    "ágætis",
    "a\u0301",
    "椎名林檎",
    "\U0001f3b5",
    "a\u200db",
    "a\u00a0b",
    "a\nb",
    "a\x01b",
    "-",
    "~",
    "x" * 500,
    "椎" * 500,
]


@pytest.fixture
def catalog() -> MemoryCatalog:
    catalog = MemoryCatalog()
    for album_id in IDS:
        row: Cells = {"id": album_id, "artist": "A", "album_name": "B"}
        assert ColumnMap.of(tuple(row), {}).read(RawRow(1, row)).fields.id == album_id
        catalog.albums[album_id] = make_album(1, album_id=album_id)
    return catalog


@pytest.mark.parametrize("album_id", IDS)
def test_an_album_with_any_id_is_found(client: httpx.Client, album_id: str) -> None:
    path = f"/api/albums/{quote(album_id, safe='')}"

    album = client.get(path).raise_for_status().json()
    similar = client.get(f"{path}/similar").raise_for_status().json()
    composed = client.post("/api/search", json={"parts": [{"album_id": album_id}]}).raise_for_status().json()

    assert album["id"] == album_id
    assert similar["query_type"] == "album"
    assert album_id not in [found["id"] for found in similar["results"]]
    assert composed["results"] == similar["results"]


@pytest.mark.parametrize("path", ["/api/%61lbums/7", "/%61pi/albums/%37", "/api/albums/7"])
def test_equivalent_path_encodings_find_the_same_album(client: httpx.Client, path: str) -> None:
    assert client.get(path).json()["id"] == "7"
    assert client.get(f"{path}/%73imilar").json()["query_type"] == "album"


@pytest.mark.parametrize("path", ["..", ".", "%2e%2e", "%2E"])
def test_dot_segment_ids_do_not_reach_other_paths(gateway: RunningGateway, path: str) -> None:
    request = b"GET /api/albums/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode()

    (answer,) = answers(exchange(address_of(gateway), request))

    assert (answer.status, answer.json()["code"]) == (404, "album_not_found")


@pytest.mark.parametrize("path", ["%00", "a%00b", "%ff", "%ed%a0%80", "x" * 501])
@pytest.mark.parametrize("then", ["", "/similar"])
def test_an_invalid_id_is_not_found(client: httpx.Client, path: str, then: str) -> None:
    answer = client.get(f"/api/albums/{path}{then}")

    assert (answer.status_code, answer.json()["code"]) == (404, "album_not_found")


def test_an_invalid_id_in_json_is_not_found(client: httpx.Client) -> None:
    unknown = client.post("/api/search", json={"parts": [{"album_id": "a\0b"}]})
    too_long = client.post("/api/search", json={"parts": [{"album_id": "x" * 501}]})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "album_not_found")
    assert (too_long.status_code, too_long.json()["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize(
    "path", ["/api/albums/", "/api/albums//similar", "/api/albums/7/", "/api%2Falbums/7"]
)
def test_paths_below_an_album_are_not_albums(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_album_refuses_other_methods(client: httpx.Client) -> None:
    answer = client.delete("/api/albums/a%2Fb")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
