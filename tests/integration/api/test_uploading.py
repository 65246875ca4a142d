"""Uploads over a real connection are refused early, and the client can read the reason."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from common.errors import UndecodableImage
from common.search_query import SearchQuery
from common.settings import MIB
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

MULTIPART = {"Content-Type": "multipart/form-data; boundary=zz"}
PART = b'--zz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


#: The first bytes of a request whose whole body is an image.
RAW = b"\x89PNG"


def error_parameters(answer: httpx.Response) -> list[str]:
    return [error["parameter"] for error in answer.json()["errors"]]


class Sender:
    """A request body of one gibibyte that counts the bytes sent."""

    def __init__(self, first: bytes = b"") -> None:
        self._first = first
        self.sent_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        for _ in range(1024):
            self.sent_bytes += MIB
            yield b"x" * MIB


@pytest.mark.parametrize(
    ("path", "first", "code"),
    [
        ("/api/search-by-image", PART, "image_too_large"),
        ("/api/search-by-image", b"not a form", "malformed_body"),
        ("/api/search-by-image?k=99", PART, "invalid_parameter"),
        ("/api/search-by-image", RAW, "image_too_large"),
        ("/api/search", b'{"parts": [{"image": "', "body_too_large"),
        ("/api/nothing", b"", "not_found"),
    ],
)
def test_an_endless_body_is_refused_early(client: httpx.Client, path: str, first: bytes, code: str) -> None:
    sender = Sender(first)

    headers = {"Content-Type": "image/png"} if first is RAW else MULTIPART
    answer = client.post(path, content=iter(sender), headers=headers)

    assert answer.json()["code"] == code
    assert answer.headers["connection"] == "close"
    assert sender.sent_bytes < 100 * MIB


def test_a_connection_works_after_an_oversized_image(client: httpx.Client, cover: bytes) -> None:
    too_large = client.post("/api/search-by-image", files={"file": b"x" * (10 * MIB + 1)})

    assert (too_large.status_code, too_large.json()["code"]) == (413, "image_too_large")
    assert error_parameters(too_large) == ["file"]
    assert client.post("/api/search-by-image", files={"file": cover}).status_code == 200


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", None])
def test_an_image_may_be_the_whole_body(client: httpx.Client, cover: bytes, content_type: str | None) -> None:
    in_a_form = client.post("/api/search-by-image", files={"file": cover}).json()

    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = client.post("/api/search-by-image?k=10", content=cover, headers=headers)

    # The upload hits the cache, because the gateway ignores the media type and reads the content.
    assert (answer.status_code, answer.headers["x-cache"]) == (200, "hit")
    assert answer.json()["results"] == in_a_form["results"]


@pytest.mark.parametrize(
    ("content_type", "data", "status", "code", "detail"),
    [
        ("application/x-www-form-urlencoded", b"...", 415, "unsupported_media_type", "image/jpeg"),
        ("image/svg+xml", b"<svg/>", 415, "unsupported_image", "SVG"),
        ("image/png", b"", 422, "invalid_parameter", "empty"),
        ("image/png", b"x" * (10 * MIB + 1), 413, "image_too_large", "more than"),
    ],
)
def test_a_body_that_is_not_an_image_is_refused_like_a_form(
    client: httpx.Client, content_type: str, data: bytes, status: int, code: str, detail: str
) -> None:
    answer = client.post("/api/search-by-image", content=data, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert detail in answer.json()["detail"]
    if code != "unsupported_media_type":
        assert error_parameters(answer) == ["file"]


def test_the_upload_limits_are_settings(start_gateway: StartGateway, cover: bytes) -> None:
    with start_gateway(MAX_IMAGE_BYTES="50").client() as client:
        by_bytes = client.post("/api/search-by-image", files={"file": cover})
    with start_gateway(MAX_IMAGE_PIXELS="100").client() as client:
        by_pixels = client.post("/api/search-by-image", files={"file": cover})

    assert by_bytes.json()["code"] == "image_too_large"
    assert (by_pixels.status_code, by_pixels.json()["code"]) == (422, "image_too_many_pixels")
    assert error_parameters(by_bytes) == error_parameters(by_pixels) == ["file"]


def test_a_file_that_is_not_an_image_is_unsupported(client: httpx.Client) -> None:
    answer = client.post("/api/search-by-image", files={"file": ("cover.png", b"hello", "image/png")})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_image")
    assert error_parameters(answer) == ["file"]


def test_an_image_error_found_by_a_worker_names_the_parameter(
    client: httpx.Client, worker: StandInWorker, cover: bytes
) -> None:
    def fail(_: SearchQuery) -> None:
        raise UndecodableImage("its pixels do not decode", parameter="file")

    worker.before_search = fail

    answer = client.post("/api/search-by-image", files={"file": cover})

    assert (answer.status_code, answer.json()["code"]) == (422, "undecodable_image")
    assert error_parameters(answer) == ["file"]


def begin_upload(
    running: RunningGateway, stack: ExitStack, *, path: str, content_type: str, size_bytes: int
) -> socket.socket:
    """Send an upload without its last byte; return the open connection."""
    host, port = running.url.removeprefix("http://").split(":")
    connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
    head = f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: {content_type}\r\n"
    connection.sendall(f"{head}Content-Length: {size_bytes}\r\n\r\n".encode())
    connection.sendall(PART + b"x" * (size_bytes - len(PART) - 1))
    return connection


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/search-by-image", MULTIPART["Content-Type"]),
        ("/api/search-by-image", "image/png"),
        ("/api/search", "application/json"),
    ],
)
def test_unfinished_uploads_hold_at_most_their_budget(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes, path: str, content_type: str
) -> None:
    running = start_gateway(MAX_RECEIVING_BYTES=str(4 * MIB))
    receiving = running.gateway.body_budget
    with running.client() as client, ExitStack() as stack:
        eventually(lambda: client.get("/readyz").status_code == 200)
        begin = partial(begin_upload, running, stack, path=path, content_type=content_type)
        held = [begin(size_bytes=MIB) for _ in range(3)]
        eventually(lambda: receiving.held_bytes == 3 * MIB - 3)

        refused = [begin(size_bytes=2 * MIB) for _ in range(5)]
        heads = [connection.recv(4096) for connection in refused]
        during = client.post("/api/search-by-image", files={"file": cover})
        for connection in held:
            connection.close()
        eventually(lambda: receiving.held_bytes == 0)

    assert all(head.startswith(b"HTTP/1.1 503 ") and b"retry-after: " in head for head in heads)
    assert during.status_code == 200


def test_a_waiting_search_does_not_hold_its_upload(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker, cover: bytes
) -> None:
    worker.pause()

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(client.post, "/api/search-by-image", files={"file": cover})
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        held_bytes = gateway.gateway.body_budget.held_bytes
        worker.resume()

        assert answer.result().status_code == 200
    assert held_bytes == 0
