"""Thumbnails over HTTP: kept by clients forever, found only under their own names, linked from albums."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.thumbnails import Thumbnails, file_name
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import MemoryCatalog
from tests.integration.api.test_files import refused

SMALL, LARGE = b"RIFF" + b"s" * 500, b"RIFF" + b"l" * 2000
FOREVER = "public, max-age=31536000, immutable"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def path(content: bytes) -> str:
    return f"/thumbnails/{file_name(digest(content))}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "thumbnails"
    for content in (SMALL, LARGE):
        file = folder / file_name(digest(content))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@pytest.fixture
def client(start_gateway: StartGateway, folder: Path) -> Iterator[httpx.Client]:
    with start_gateway(THUMBNAIL_DIR=str(folder)).client() as client:
        yield client


def test_a_thumbnail_may_be_kept_forever(client: httpx.Client) -> None:
    answer = client.get(path(SMALL))

    assert (answer.status_code, answer.content) == (200, SMALL)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["etag"] == f'"{digest(SMALL)}"'
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_current_copy_gets_304_which_may_be_kept_too(client: httpx.Client) -> None:
    first = client.get(path(SMALL))
    etag, modified = first.headers["etag"], first.headers["last-modified"]

    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": f'"x", W/{etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
    ):
        again = client.get(path(SMALL), headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (etag, FOREVER)
    assert client.get(path(SMALL), headers={"If-None-Match": '"x"'}).status_code == 200


def test_copies_of_a_file_have_the_same_etag_at_every_gateway(
    client: httpx.Client, start_gateway: StartGateway, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / file_name(digest(SMALL))
    copy.parent.mkdir(parents=True)
    copy.write_bytes(SMALL)
    os.utime(copy, (0, 0))

    with start_gateway(THUMBNAIL_DIR=str(tmp_path / "copy")).client() as other:
        answer = other.get(path(SMALL))

    assert answer.headers["etag"] == client.get(path(SMALL)).headers["etag"]


def test_head_and_ranges_work_as_for_covers(client: httpx.Client) -> None:
    headed = client.head(path(LARGE))
    part = client.get(path(LARGE), headers={"Range": "bytes=0-9", "If-Range": headed.headers["etag"]})

    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-length"] == str(len(LARGE))
    assert headed.headers["cache-control"] == FOREVER
    assert (part.status_code, part.content) == (206, LARGE[:10])


@pytest.mark.parametrize(
    "name",
    [
        "notes.webp",
        "ab/notes.webp",
        "ab/ab12.webp",
        f"ab/.{'ab' * 32}.webp.01.part",
        f"{'ab' * 32}.webp",
        f"cd/{'ab' * 32}.webp",
        f"ab/{'AB' * 32}.webp",
        f"ab/{'ab' * 32}.png",
        f"ab/{'ab' * 32}.webp/",
        "ab",
        "",
        "ab/../../secret.webp",
        "%2e%2e/secret.webp",
        "%00.webp",
    ],
)
def test_only_files_named_as_thumbnails_are_served(client: httpx.Client, folder: Path, name: str) -> None:
    (folder.parent / "secret.webp").write_bytes(b"secret")
    (folder / "ab").mkdir(exist_ok=True)
    for file in ("notes.webp", "ab/notes.webp", "ab/ab12.webp", f"ab/.{'ab' * 32}.webp.01.part"):
        (folder / file).write_bytes(b"secret")
    for file in (f"{'ab' * 32}.webp", f"ab/{'ab' * 32}.png", f"ab/{'AB' * 32}.webp"):
        (folder / file).write_bytes(b"secret")

    answer = client.get(f"/thumbnails/{name}")

    assert refused(answer) == (404, "not_found")
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_links_are_served_only_to_the_file_of_the_same_name(client: httpx.Client, folder: Path) -> None:
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / f"{'ab' * 32}.webp").symlink_to(folder / file_name(digest(SMALL)))
    (folder / "ab" / f"{'ab' * 31}cd.webp").symlink_to("/etc/hostname")

    for name in (f"{'ab' * 32}.webp", f"{'ab' * 31}cd.webp"):
        assert refused(client.get(f"/thumbnails/ab/{name}")) == (404, "not_found")


def test_an_unknown_thumbnail_is_not_found_until_it_is_made(client: httpx.Client, folder: Path) -> None:
    before = client.get(path(b"later"))
    later = folder / file_name(digest(b"later"))
    later.parent.mkdir(exist_ok=True)
    later.write_bytes(b"later")

    assert refused(before) == (404, "not_found")
    assert client.get(path(b"later")).content == b"later"


@pytest.mark.parametrize(
    "content", [b"", LARGE[:-1], LARGE[:-1] + b"x"], ids=["empty", "truncated", "changed"]
)
def test_a_damaged_thumbnail_is_not_found_until_it_is_made_again(
    client: httpx.Client, folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder / file_name(digest(LARGE))
    file.write_bytes(content)

    damaged = [client.get(path(LARGE)), client.get(path(LARGE), headers={"If-None-Match": "*"})]
    made_again = file.with_name("made-again")
    made_again.write_bytes(LARGE)
    made_again.replace(file)
    repaired = client.get(path(LARGE))

    for answer in damaged:
        assert refused(answer) == (404, "not_found")
        assert "immutable" not in answer.headers.get("cache-control", "")
    assert (repaired.status_code, repaired.content) == (200, LARGE)
    assert [
        record.getMessage() for record in caplog.records if record.name == "api.http.files.thumbnails"
    ] == ["a thumbnail is damaged and is not served"]


def test_a_gateway_starts_before_the_first_ingest_has_made_the_folder(
    start_gateway: StartGateway, folder: Path, tmp_path: Path
) -> None:
    with start_gateway(THUMBNAIL_DIR=str(tmp_path / "new")).client() as client:
        before = client.get(path(SMALL))
        folder.rename(tmp_path / "new")

        assert refused(before) == (404, "not_found")
        assert client.get(path(SMALL)).content == SMALL


def test_without_a_folder_there_are_neither_files_nor_links(
    start_gateway: StartGateway, catalog: MemoryCatalog, folder: Path
) -> None:
    catalog.albums["1"] = replace(catalog.albums["1"], thumbnails=Thumbnails(digest(SMALL), digest(LARGE)))

    with start_gateway().client() as client:
        assert client.get("/api/albums/1").json()["thumbnail_urls"] is None
        assert refused(client.get(path(SMALL))) == (404, "not_found")


@pytest.mark.parametrize("public_url", ["", "https://example.org", "https://example.org/music"])
def test_an_album_links_its_thumbnails(
    start_gateway: StartGateway, catalog: MemoryCatalog, folder: Path, public_url: str
) -> None:
    catalog.albums["1"] = replace(catalog.albums["1"], thumbnails=Thumbnails(digest(SMALL), digest(LARGE)))

    with start_gateway(THUMBNAIL_DIR=str(folder), PUBLIC_URL=public_url).client() as client:
        with_thumbnails = client.get("/api/albums/1").json()
        without = client.get("/api/albums/2").json()
        prefix = public_url.removeprefix("https://example.org")
        fetched = client.get(f"{prefix}{path(LARGE)}")

    assert with_thumbnails["thumbnail_urls"] == {
        "256": f"{public_url}{path(SMALL)}",
        "512": f"{public_url}{path(LARGE)}",
    }
    assert without["thumbnail_urls"] is None
    assert fetched.content == LARGE


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_thumbnails_accept_only_get_and_head(client: httpx.Client, method: str) -> None:
    answer = client.request(method, path(SMALL))

    assert refused(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_thumbnails_need_no_key(start_gateway: StartGateway, folder: Path) -> None:
    with start_gateway(THUMBNAIL_DIR=str(folder), AUTH="required").client() as client:
        assert client.get(path(SMALL)).status_code == 200
