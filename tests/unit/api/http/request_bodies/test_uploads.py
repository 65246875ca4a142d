"""An upload is read as a stream, and reading stops at the first error."""

from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from api.contract.errors.request_errors import (
    InvalidRequest,
    MalformedBody,
    UnsupportedContentCoding,
    UnsupportedMediaType,
)
from api.http.request_bodies.body_budget import BodyBudget
from api.http.request_bodies.multipart import FRAMING_BYTES
from api.http.request_bodies.uploads import read_body, read_image
from common.errors import CoverSearchError, ImageTooLarge, QueueFull
from common.settings import MIB

LIMIT = 1000
MULTIPART = "multipart/form-data; boundary=zz"
RAW = {"Content-Type": "image/png"}


class Sender:
    """A client that sends chunks, and counts the chunks that were read."""

    def __init__(self, chunks: Iterable[bytes], headers: dict[str, str]) -> None:
        self._chunks = iter(chunks)
        self._headers = headers
        self.taken = 0

    async def _receive(self) -> Message:
        chunk = next(self._chunks, None)
        self.taken += chunk is not None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    def request(self) -> Request:
        headers = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        return Request(scope, self._receive)


def part(data: bytes, *, name: str = "file") -> bytes:
    head = f'--zz\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n\r\n'
    return head.encode() + data + b"\r\n"


async def receive(sender: Sender, *, budget_bytes: int = 10 * (LIMIT + FRAMING_BYTES)) -> bytes:
    with BodyBudget(max_bytes=budget_bytes).body() as body:
        return await read_image(sender.request(), body, max_bytes=LIMIT)


async def read(*chunks: bytes, content_type: str = MULTIPART, **headers: str) -> bytes:
    sender = Sender(chunks, {"Content-Type": content_type, **headers})
    return await receive(sender)


async def test_the_parsed_file_equals_the_uploaded_one() -> None:
    data = bytes(range(256))

    assert await read(part(data), b"--zz--\r\n") == data


async def test_an_upload_may_arrive_byte_by_byte() -> None:
    whole = part(b"\r\n--z\r\n") + b"--zz--\r\n"

    assert await read(*(bytes([byte]) for byte in whole)) == b"\r\n--z\r\n"


async def test_the_size_limit_is_exact() -> None:
    assert len(await read(part(b"x" * LIMIT), b"--zz--\r\n")) == LIMIT

    with pytest.raises(ImageTooLarge):
        await read(part(b"x" * (LIMIT + 1)), b"--zz--\r\n")


async def test_a_declared_length_over_the_limit_is_refused_before_reading() -> None:
    length = str(LIMIT + FRAMING_BYTES + 1)
    sender = Sender([part(b"x")], {"Content-Type": MULTIPART, "Content-Length": length})

    with pytest.raises(ImageTooLarge):
        await receive(sender)

    assert sender.taken == 0


@pytest.mark.parametrize("length", ["10", "-5", "lots", ""])
async def test_a_false_declared_length_does_not_raise_the_limit(length: str) -> None:
    sender = Sender(
        [part(b"")[:-2], *[b"x" * 100] * 1000], {"Content-Type": MULTIPART, "Content-Length": length}
    )

    with pytest.raises(ImageTooLarge):
        await receive(sender)

    assert sender.taken < 20


async def test_reading_stops_when_an_upload_exceeds_the_process_budget() -> None:
    sender = Sender([part(b"")[:-2], *[b"x" * 100] * 9], {"Content-Type": MULTIPART})

    with pytest.raises(QueueFull):
        await receive(sender, budget_bytes=500)

    assert sender.taken == 6


async def test_an_endless_preamble_is_cut_off() -> None:
    chunks = [
        b"--zz\r\nX-Padding: " + b"x" * 3000 + b"\r\n",
        *[b"X-Padding: " + b"x" * 3000 + b"\r\n"] * 1000,
    ]
    sender = Sender(chunks, {"Content-Type": MULTIPART})

    with pytest.raises(CoverSearchError):
        await receive(sender)

    assert sender.taken < 50


@pytest.mark.parametrize(
    ("chunks", "name"),
    [
        ((b"--zz--\r\n",), "file"),
        ((part(b""), b"--zz--\r\n"), "file"),
        ((part(b"a"), part(b"b"), b"--zz--\r\n"), "file"),
        ((part(b"5", name="k"), b"--zz--\r\n"), "k"),
    ],
)
async def test_a_form_must_have_exactly_one_file(chunks: tuple[bytes, ...], name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read(*chunks)

    assert [problem.parameter for problem in caught.value.problems] == [name]


IMAGE = b"\x89PNG\r\n--z\r\n--"


@pytest.mark.parametrize(
    "form",
    [
        b"This is a form.\r\nIgnore me, and --zz too.\r\n" + part(IMAGE) + b"--zz--\r\n",
        b"--zzz\r\n\r\n" + part(IMAGE) + b"--zz--\r\n",
        b"\r\n" + part(IMAGE) + b"--zz--",
        part(IMAGE).replace(b"--zz\r\n", b"--zz \t \r\n", 1) + b"--zz-- \t\r\n",
        b"preamble\r\n"
        + part(IMAGE).replace(b"--zz\r\n", b"--zz\t\r\n", 1)
        + b"--zz--\r\nepilogue\r\n--zz\r\n",
        part(IMAGE).replace(b'"a.png"', b'"' + b"a" * 5_000 + b'.png"') + b"--zz--\r\n",
        part(IMAGE).replace(b'"a.png"', b'"' + "覆".encode() * 5_000 + b'.png"') + b"--zz--\r\n",
    ],
    ids=[
        "preamble",
        "preamble like a boundary",
        "blank line, no line break at the end",
        "blanks after boundaries",
        "all",
        "long file name",
        "long file name of wide characters",
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1_000_000])
async def test_every_form_allowed_by_rfc_2046_is_read(form: bytes, chunk_bytes: int) -> None:
    chunks = [form[start : start + chunk_bytes] for start in range(0, len(form), chunk_bytes)]

    assert await read(*chunks) == IMAGE


@pytest.mark.parametrize("boundary", ["a b", "zz'()+_,-./:=?", "x" * 70])
async def test_a_boundary_may_be_quoted(boundary: str) -> None:
    form = part(IMAGE).replace(b"--zz\r\n", b"--" + boundary.encode() + b"\r\n", 1)
    form += b"--" + boundary.encode() + b"--\r\n"

    assert await read(form, content_type=f'Multipart/Form-Data; boundary="{boundary}"') == IMAGE


@pytest.mark.parametrize(
    ("first", "endless"),
    [
        (b"", b"preamble\r\n" * 100),
        (b"--zz", b" " * 1000),
        (part(IMAGE), b" " * 1000),
        (part(IMAGE) + b"--zz", b" " * 1000),
        (part(IMAGE) + b"--zz--\r\n", b"epilogue" * 100),
    ],
    ids=["preamble", "blanks after the first boundary", "no boundary", "blanks", "epilogue"],
)
async def test_the_data_around_the_image_has_a_size_limit(first: bytes, endless: bytes) -> None:
    sender = Sender([first, *[endless] * 1000], {"Content-Type": MULTIPART})

    with pytest.raises((MalformedBody, ImageTooLarge)):
        await receive(sender, budget_bytes=100 * MIB)

    assert sender.taken * 1000 < FRAMING_BYTES * 2


@pytest.mark.parametrize(
    "form",
    [
        part(b"a").replace(b"form-data; ", b"form-data;\r\n "),
        part(b"a").replace(b"a.png", b"a" * 100_000),
        part(b"a").replace(b"\r\n", b"\n"),
    ],
    ids=["folded header", "endless header", "bare line feeds"],
)
async def test_an_invalid_form_is_malformed(form: bytes) -> None:
    with pytest.raises(MalformedBody):
        await read(form + b"--zz--\r\n")


async def test_a_boundary_that_is_too_long_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        await read(part(b"a"), content_type=f"multipart/form-data; boundary={'x' * 5_000}")


@pytest.mark.parametrize("chunks", [(), (b"hello",), (part(b"abc"),), (b"--zz\r\n\r\n",)])
async def test_a_truncated_body_or_a_body_that_is_not_a_form_is_refused(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises((MalformedBody, InvalidRequest)):
        await read(*chunks)


async def test_a_form_without_a_boundary_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        await read(part(b"a"), content_type="multipart/form-data")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "image",
        "multipart/mixed; boundary=zz",
    ],
)
async def test_the_error_for_another_media_type_lists_the_accepted_ones(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        await read(b"...", content_type=content_type)

    for accepted in ("multipart/form-data", "`file`", "image/jpeg", "application/octet-stream"):
        assert accepted in refused.value.detail


@pytest.mark.parametrize(
    "content_type",
    ["image/jpeg", "image/png", "IMAGE/PNG", "image/x-anything; q=1", "application/octet-stream", None],
)
async def test_a_raw_image_body_is_read(content_type: str | None) -> None:
    sender = Sender([b"abc", b"def"], {} if content_type is None else {"Content-Type": content_type})

    assert await receive(sender) == b"abcdef"


async def test_a_raw_image_has_the_same_limits() -> None:
    at_most = Sender([b"x" * LIMIT], RAW)
    longer = Sender([b"x" * 100] * 1000, RAW)
    declared = Sender([b"x"], {**RAW, "Content-Length": str(LIMIT + 1)})
    too_much_for_the_process = Sender([b"x" * 100] * 9, RAW)

    assert len(await receive(at_most)) == LIMIT
    with pytest.raises(ImageTooLarge):
        await receive(longer)
    with pytest.raises(ImageTooLarge):
        await receive(declared)
    with pytest.raises(QueueFull):
        await receive(too_much_for_the_process, budget_bytes=500)

    assert longer.taken == LIMIT // 100 + 1
    assert declared.taken == 0
    assert too_much_for_the_process.taken == 6


@pytest.mark.parametrize("headers", [RAW, {}])
async def test_an_empty_body_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="the file is empty") as refused:
        await receive(Sender([], headers))

    assert [problem.parameter for problem in refused.value.problems] == ["file"]


@pytest.mark.parametrize("coding", ["gzip", "br, identity", "GZIP", "identity, deflate", "x" * 1000])
async def test_a_compressed_body_is_refused_before_it_is_read(coding: str) -> None:
    sender = Sender([b"..."], {"Content-Type": MULTIPART, "Content-Encoding": coding})

    with pytest.raises(UnsupportedContentCoding, match="without that header") as refused:
        await receive(sender)
    with BodyBudget(max_bytes=LIMIT).body() as body, pytest.raises(UnsupportedContentCoding):
        await read_body(sender.request(), body, max_bytes=LIMIT)

    assert sender.taken == 0
    assert len(refused.value.detail) < 200


@pytest.mark.parametrize("coding", ["identity", "Identity", "", " identity , identity"])
async def test_a_body_with_the_identity_encoding_is_read(coding: str) -> None:
    assert await read(part(b"abc"), b"--zz--\r\n", **{"Content-Encoding": coding}) == b"abc"
