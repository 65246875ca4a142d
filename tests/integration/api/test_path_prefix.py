"""A gateway is served under a path prefix by a real nginx, which strips or keeps the prefix."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from redis import Redis

from common.settings import MIB
from common.thumbnails import Thumbnails, file_name
from local.servers.server import free_port
from tests.integration.api.browser import Browser, browser
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker, make_album
from tests.nginx_server import NginxServer
from tests.polling import eventually
from tests.running_gateway import REQUEST_TIMEOUT_S, RunningGateway

__all__ = ["browser"]

PREFIX = "/music"
TEXT = f"{PREFIX}/api/search-by-text?query=fog"
AT_ONCE = {"Prefer": "respond-async"}


@pytest.fixture(params=[False, True], ids=["nginx passes the path on", "nginx strips the path"])
def strips_prefix(request: pytest.FixtureRequest) -> bool:
    strips: bool = request.param
    return strips


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def gateway(
    start_gateway: StartGateway, worker: StandInWorker, tmp_path: Path, cover: bytes, port: int
) -> RunningGateway:
    """The gateway behind nginx; tests can also reach the gateway directly."""
    (tmp_path / "1.png").write_bytes(cover)
    worker.has_thumbnails = True
    running = start_gateway(
        PUBLIC_URL=f"http://127.0.0.1:{port}{PREFIX}",
        COVERS_DIR=str(tmp_path),
        THUMBNAIL_DIR=str(tmp_path / "thumbnails"),
        AUTH="optional",
        ADDRESS_RATE="unlimited",
    )
    with running.client() as direct:
        eventually(lambda: direct.get("/readyz").status_code == 200)
    eventually(lambda: running.gateway.version.is_known)
    return running


@pytest.fixture
def client(gateway: RunningGateway, port: int, strips_prefix: bool, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of nginx."""
    gateway_port = httpx.URL(gateway.url).port
    assert gateway_port is not None
    nginx = NginxServer(tmp_path / "nginx", port=port, gateway_port=gateway_port, strips_prefix=strips_prefix)
    with nginx, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=REQUEST_TIMEOUT_S) as client:
        yield client


def test_every_url_of_a_job_has_the_proxy_prefix(client: httpx.Client, worker: StandInWorker) -> None:
    worker.pause()

    accepted = client.get(TEXT, headers=AT_ONCE)
    urls = accepted.json()["urls"]

    assert accepted.status_code == 202
    assert accepted.headers["location"] == urls["get"]
    assert all(url.startswith(f"{PREFIX}/api/jobs/") for url in urls.values())
    assert client.get(urls["get"]).json()["urls"] == urls
    worker.resume()
    events = client.get(urls["events"])
    assert events.text.count(f'"urls":{{"get":"{urls["get"]}"') == events.text.count("event: ") >= 1
    assert client.post(urls["cancel"]).json()["urls"] == urls


def test_every_kind_of_search_works_behind_the_proxy(client: httpx.Client, cover: bytes) -> None:
    by_text = client.get(TEXT)
    in_a_form = client.post(f"{PREFIX}/api/search-by-image", files={"file": cover})
    as_body = client.post(
        f"{PREFIX}/api/search-by-image", content=cover, headers={"Content-Type": "image/png"}
    )
    too_large = client.post(f"{PREFIX}/api/search-by-image", files={"file": b"x" * (10 * MIB + 1)})

    assert [by_text.status_code, in_a_form.status_code, as_body.status_code] == [200] * 3
    assert as_body.headers["x-cache"] == "hit"
    assert (too_large.status_code, too_large.json()["code"]) == (413, "image_too_large")


def test_proxied_and_direct_queries_share_one_cache_entry(
    client: httpx.Client, gateway: RunningGateway
) -> None:
    through_nginx = [client.get(TEXT) for _ in range(3)]
    with gateway.client() as direct:
        directly = direct.get(TEXT.removeprefix(PREFIX))
        with_the_prefix = direct.get(TEXT)

    assert [answer.headers["x-cache"] for answer in through_nginx] == ["miss", "hit", "hit"]
    assert directly.headers["x-cache"] == with_the_prefix.headers["x-cache"] == "hit"
    assert directly.headers["etag"] == through_nginx[2].headers["etag"]


def test_covers_have_public_urls(client: httpx.Client, catalog: MemoryCatalog, cover: bytes) -> None:
    album = client.get(f"{PREFIX}/api/albums/1").json()

    assert album["cover_url"] == f"{client.base_url}{PREFIX}/covers/1.jpg"
    assert client.get(f"{PREFIX}/covers/1.png").content == cover


def test_thumbnails_have_public_urls(client: httpx.Client, catalog: MemoryCatalog, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"picture").hexdigest()
    catalog.albums["1"] = replace(make_album(1), thumbnails=Thumbnails(digest, digest))
    file = tmp_path / "thumbnails" / file_name(digest)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"picture")

    urls = client.get(f"{PREFIX}/api/albums/1").json()["thumbnail_urls"]

    assert urls["256"] == f"{client.base_url}{PREFIX}/thumbnails/{file_name(digest)}"
    assert client.get(urls["256"]).content == b"picture"


@pytest.mark.parametrize("strips_prefix", [False])
def test_an_album_id_with_a_slash_works_behind_a_proxy_that_keeps_the_path(
    client: httpx.Client, catalog: MemoryCatalog
) -> None:
    catalog.albums["a/b c"] = make_album(2, album_id="a/b c")

    assert client.get(f"{PREFIX}/api/albums/a%2Fb%20c").json()["id"] == "a/b c"


def test_authentication_and_headers_work_under_the_prefix(client: httpx.Client, redis: Redis) -> None:
    wrong = client.get(TEXT, headers={"X-API-Key": "nonsense"})
    right = client.get(TEXT, headers=new_key(redis, rate="7/second"))
    page = client.get(f"{PREFIX}/docs")

    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")
    assert right.headers["ratelimit-limit"] == "7"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "script-src" not in right.headers["content-security-policy"]


def test_the_root_lists_urls_with_the_prefix(client: httpx.Client) -> None:
    service = client.get(f"{PREFIX}/").json()
    document = client.get(service["links"]["openapi"]).json()

    assert service["links"]["docs"] == f"{PREFIX}/docs"
    assert f"GET {PREFIX}/api/genres" in service["endpoints"]
    assert document["servers"] == [{"url": PREFIX}]
    assert "/api/genres" in document["paths"]


def test_a_header_cannot_set_the_prefix(client: httpx.Client) -> None:
    forwarded = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.example", "X-Script-Name": "/evil"}

    answers = [client.get(path, headers={**AT_ONCE, **forwarded}) for path in (TEXT, f"{PREFIX}/")]

    assert not any("evil" in answer.text + str(answer.headers) for answer in answers)


@pytest.mark.timeout(180)
def test_the_api_docs_page_works_under_the_prefix(client: httpx.Client, browser: Browser) -> None:
    paths = client.get(f"{PREFIX}/openapi.json").json()["paths"]

    page, console = browser.load(f"{client.base_url}{PREFIX}/docs")

    assert 'class="swagger-ui' in page
    assert all(f'data-path="{path}"' in page for path in paths)
    # The page's button "Try it out" sends requests to the server in this `<option>`.
    assert f'<option value="{PREFIX}">' in page
    assert console == []
