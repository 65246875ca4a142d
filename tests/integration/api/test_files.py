"""Covers over HTTP: only pictures are served, whole or by range, and every error is a problem document."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.integration.api.conftest import StartGateway
from tests.integration.api.raw import answers, exchange

JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 4
SIZE = len(JPEG)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # The covers are below a hidden folder, as in the demo: only hidden names inside COVERS_DIR are refused.
    folder = tmp_path / ".state" / "covers"
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(JPEG)
    return folder


@pytest.fixture
def client(start_gateway: StartGateway, folder: Path) -> Iterator[httpx.Client]:
    with start_gateway(COVERS_DIR=str(folder)).client() as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, document["code"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.JPEG", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.webp", "image/webp"),
        ("a.gif", "image/gif"),
        ("a.avif", "image/avif"),
        ("a.heic", "image/heic"),
        ("a.bmp", "image/bmp"),
        ("a.TIF", "image/tiff"),
        ("ü ?#%.jpg", "image/jpeg"),
        ("deep/er/a.jpg", "image/jpeg"),
    ],
)
def test_pictures_are_served_with_their_type(
    client: httpx.Client, folder: Path, name: str, media_type: str
) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(JPEG)

    answer = client.get(f"/covers/{quote(name)}")

    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "albums.csv",
        "a.svg",
        "a.html",
        "a.jpg.bak",
        "jpg",
        "a.php",
        ".env",
        ".a.jpg",
        ".git/a.jpg",
    ],
)
def test_only_pictures_are_served(client: httpx.Client, folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"secret")

    assert refused(client.get(f"/covers/{name}")) == (404, "not_found")


def test_files_outside_the_folder_are_not_served(client: httpx.Client, folder: Path) -> None:
    outside = folder.parent / "secret.jpg"
    outside.write_bytes(b"secret")
    (folder / "link.jpg").symlink_to(outside)
    (folder / "up").symlink_to(folder.parent)

    for path in (
        "link.jpg",
        "up/secret.jpg",
        "%2e%2e/secret.jpg",
        "..%2fsecret.jpg",
        "a/..%2f..%2fsecret.jpg",
        "%2fetc/passwd",
        f"%2f{outside}",
        "%00.jpg",
        "a%00.jpg",
        "%ff.jpg",
        "x" * 300 + ".jpg",
    ):
        assert refused(client.get(f"/covers/{path}")) == (404, "not_found"), path


def test_dot_segments_in_a_path_are_refused(client: httpx.Client, folder: Path) -> None:
    (folder.parent / "secret.jpg").write_bytes(b"secret")

    for path in (b"../secret.jpg", b"a/../../secret.jpg", b"..", b"./../secret.jpg", b"..\\secret.jpg"):
        request = b"GET /covers/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path
        (answer,) = answers(exchange((client.base_url.host, client.base_url.port or 0), request))
        assert (answer.status, answer.json()["code"]) == (404, "not_found"), path


def test_only_links_to_pictures_within_the_folder_are_followed(client: httpx.Client, folder: Path) -> None:
    (folder / "same.jpg").symlink_to(folder / "1.jpg")
    (folder / ".env").write_bytes(b"secret")
    (folder / "hidden.jpg").symlink_to(folder / ".env")
    (folder / "notes.txt").write_bytes(b"secret")
    (folder / "notes.jpg").symlink_to(folder / "notes.txt")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "gone.jpg").symlink_to(folder / "none.jpg")

    assert client.get("/covers/same.jpg").content == JPEG
    for name in ("hidden.jpg", "notes.jpg", "loop.jpg", "gone.jpg"):
        assert refused(client.get(f"/covers/{name}")) == (404, "not_found"), name


def test_only_regular_files_are_served(client: httpx.Client, folder: Path) -> None:
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s.jpg"))

        for path in (
            "/covers",
            "/covers/",
            "/covers/folder.jpg",
            "/covers/folder.jpg/",
            "/covers/pipe.jpg",
            "/covers/s.jpg",
        ):
            assert refused(client.get(path)) == (404, "not_found"), path


@pytest.mark.parametrize("path", ["/covers/1.jpg", "/docs/files/swagger-ui.css"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_files_accept_only_get_and_head(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)

    assert refused(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=10-", (10, SIZE)),
        ("bytes=-10", (SIZE - 10, SIZE)),
        ("bytes=-99999", (0, SIZE)),
        ("bytes=10-99999999999999999999", (10, SIZE)),
        ("BYTES = 0-0", (0, 1)),
        ("bytes=0-4,5-9", (0, 10)),
        ("bytes=0-9, 99999-", (0, 10)),
        ("bytes= ,0-9,", (0, 10)),
    ],
)
def test_a_range_is_served(client: httpx.Client, asked: str, got: tuple[int, int]) -> None:
    answer = client.get("/covers/1.jpg", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, JPEG[slice(*got)])
    assert answer.headers["content-range"] == f"bytes {got[0]}-{got[1] - 1}/{SIZE}"


def test_disjoint_ranges_are_sent_as_multipart(client: httpx.Client) -> None:
    answer = client.get("/covers/1.jpg", headers={"Range": "bytes=100-109, 0-9, -1"})

    assert answer.status_code == 206
    boundary = answer.headers["content-type"].removeprefix("multipart/byteranges; boundary=")
    parts = answer.content.split(b"--" + boundary.encode())[1:-1]
    assert [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts] == [
        JPEG[:10],
        JPEG[100:110],
        JPEG[-1:],
    ]


@pytest.mark.parametrize("path", ["/covers/1.jpg", "/docs/files/swagger-ui.css"])
@pytest.mark.parametrize(
    "asked",
    [
        "bytes=99999999-",
        "bytes=-0",
        "bytes=9-5",
        "bytes=a-b",
        "bytes=0",
        "bytes=",
        "bytes=-",
        "bytes=0-9,x",
        "bytes=1_0-2_0",
        "bytes=--5",
        "bytes=0-" + "9" * 5000,
        "bytes",
    ],
)
def test_a_bad_range_is_refused_with_a_problem(client: httpx.Client, path: str, asked: str) -> None:
    size = len(client.get(path).content)

    answer = client.get(path, headers={"Range": asked})

    assert refused(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("asked", ["pages=1-2", "bytes=" + ",".join(["0-0"] * 101)])
def test_unknown_units_and_too_many_ranges_are_ignored(client: httpx.Client, asked: str) -> None:
    answer = client.get("/covers/1.jpg", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, JPEG)


def test_an_empty_file_has_no_ranges(client: httpx.Client, folder: Path) -> None:
    (folder / "empty.jpg").write_bytes(b"")

    assert client.get("/covers/empty.jpg").content == b""
    assert refused(client.get("/covers/empty.jpg", headers={"Range": "bytes=0-"}))[0] == 416


def test_a_current_copy_gets_304(client: httpx.Client) -> None:
    first = client.get("/covers/1.jpg")
    etag, modified = first.headers["etag"], first.headers["last-modified"]

    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": f'"x", W/{etag}'},
        {"If-Modified-Since": modified},
    ):
        again = client.get("/covers/1.jpg", headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_a_range_of_a_changed_file_returns_the_whole_file(client: httpx.Client) -> None:
    first = client.get("/covers/1.jpg")
    part = {"Range": "bytes=0-9"}

    for known in (first.headers["etag"], first.headers["last-modified"]):
        assert client.get("/covers/1.jpg", headers={**part, "If-Range": known}).status_code == 206
    for known in ('"other"', "W/" + first.headers["etag"], "Thu, 01 Jan 1970 00:00:00 GMT"):
        assert client.get("/covers/1.jpg", headers={**part, "If-Range": known}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"Range": "bytes=x"}])
def test_head_describes_the_whole_file(client: httpx.Client, headers: dict[str, str]) -> None:
    got = client.get("/covers/1.jpg")

    headed = client.head("/covers/1.jpg", headers=headers)

    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "accept-ranges", "last-modified"):
        assert headed.headers[name] == got.headers[name]


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js", "favicon.png"])
def test_the_files_of_the_interface_have_their_media_types(client: httpx.Client, name: str) -> None:
    types = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "png": "image/png"}

    assert client.get(f"/docs/files/{name}").headers["content-type"] == types[name.rpartition(".")[2]]
