"""A gateway shows only the public keys of metadata, also of results that were computed before."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker
from tests.integration.api.test_pages import every_search, search
from tests.polling import eventually

INCLUDE: dict[str, Any] = {"include": ["metadata"]}
OpenClient = Callable[[str], AbstractContextManager[httpx.Client]]
PRIVATE_KEYS = ("price", "secret")


@pytest.fixture(autouse=True)
def _private_keys(catalog: MemoryCatalog) -> None:
    """Give each album metadata with a public and a private key."""
    for album_id, album in catalog.albums.items():
        metadata = {**orjson.loads(album.metadata), "price": f"Price {int(album_id) % 2}"}
        catalog.albums[album_id] = replace(album, metadata=orjson.dumps(metadata).decode())


@pytest.fixture
def open_client(start_gateway: StartGateway, worker: StandInWorker) -> Any:
    """Return a function that starts a gateway with a setting of `PUBLIC_METADATA`."""

    @contextmanager
    def open_gateway(setting: str) -> Iterator[httpx.Client]:
        running = start_gateway(PUBLIC_METADATA=setting)
        with running.client() as client:
            eventually(lambda: client.get("/readyz").status_code == 200)
            eventually(lambda: running.gateway.version.is_known)
            yield client

    return open_gateway


def keys_of(result: dict[str, Any]) -> set[tuple[str, ...]]:
    return {tuple(sorted(album["metadata"])) for album in result["results"]}


def search_later(client: httpx.Client) -> Any:
    """Search by text, and return the job, whether or not its result is ready."""
    parameters = {"query": "red", **INCLUDE}
    return client.get("/api/search-by-text", params=parameters, headers={"Prefer": "respond-async"}).json()


@every_search
def test_results_contain_only_public_keys(open_client: OpenClient, cover: bytes, kind: str) -> None:
    with open_client("label") as some, open_client("") as none, open_client("*") as every:
        # The other gateways answer from the cache of the first.
        found = [keys_of(search(client, kind, cover, **INCLUDE)) for client in (every, some, none)]

    assert found == [{("label", "price")}, {("label",)}, {()}]


def test_a_job_of_an_earlier_setting_shows_only_keys_that_are_public_now(open_client: OpenClient) -> None:
    with open_client("*") as before:
        job = search_later(before)
        job = before.get(f"/api/jobs/{job['id']}", params={"wait": "10"}).json()
    with open_client("label") as client:
        again = client.get(job["urls"]["get"]).json()
        streamed = client.get(job["urls"]["events"]).text
        canceled = client.post(job["urls"]["cancel"]).json()
        repeated = search_later(client)

    assert keys_of(job["result"]) == {("label", "price")}
    data = streamed.partition("data: ")[2].partition("\n")[0]
    shown = (again["result"], orjson.loads(data)["result"], canceled["result"], repeated["result"])
    assert [keys_of(result) for result in shown] == [{("label",)}] * 4


def test_a_setting_that_shows_more_gives_results_another_tag(open_client: OpenClient) -> None:
    parameters = {"query": "red", **INCLUDE}
    with open_client("label") as client:
        few = client.get("/api/search-by-text", params=parameters)
        unchanged = client.get(
            "/api/search-by-text", params=parameters, headers={"If-None-Match": few.headers["etag"]}
        )
    with open_client("*") as client:
        every = client.get(
            "/api/search-by-text", params=parameters, headers={"If-None-Match": few.headers["etag"]}
        )

    assert unchanged.status_code == 304
    assert (every.status_code, every.headers["x-cache"]) == (200, "hit")
    assert every.headers["etag"] != few.headers["etag"]


def test_a_single_album_shows_only_public_keys(open_client: OpenClient) -> None:
    with open_client("label") as some, open_client("") as none:
        found = [client.get("/api/albums/7", params=INCLUDE).json()["metadata"] for client in (some, none)]

    assert found == [{"label": "Label 1"}, {}]


@every_search
def test_a_private_key_is_no_filter_whether_or_not_it_exists(
    open_client: OpenClient, worker: StandInWorker, cover: bytes, kind: str
) -> None:
    with open_client("label") as client:
        refused = []
        for key in PRIVATE_KEYS:
            with pytest.raises(httpx.HTTPStatusError) as raised:
                search(client, kind, cover, **{f"meta.{key}": "Price 1"})
            refused.append(raised.value.response)
        found = search(client, kind, cover, **{"meta.label": "Label 2"})

    assert [answer.status_code for answer in refused] == [422, 422]
    details = [answer.json()["errors"][0]["detail"] for answer in refused]
    assert details[0].replace("price", "secret") == details[1]
    assert details[0] == "this service has no filter meta.price; its filters by metadata are meta.label"
    assert [answer.json()["errors"][0]["parameter"] for answer in refused] == ["meta.price", "meta.secret"]
    eventually(lambda: len(worker.answered) == 1)
    assert found["results"]


def test_a_cached_result_does_not_answer_a_filter_that_is_private_now(open_client: OpenClient) -> None:
    parameters = {"query": "red", "meta.price": "Price 1"}
    with open_client("*") as client:
        assert client.get("/api/search-by-text", params=parameters).status_code == 200
    with open_client("label") as client:
        answers = [client.get("/api/search-by-text", params=parameters) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [422] * 3


def test_facets_refuse_a_private_key(open_client: OpenClient) -> None:
    with open_client("label") as client:
        refused = client.get("/api/facets", params={"meta.price": "Price 1"})
        counted = client.get("/api/facets", params={"meta.label": "Label 1"})

    assert (refused.status_code, counted.status_code) == (422, 200)
    assert refused.json()["errors"][0]["parameter"] == "meta.price"
