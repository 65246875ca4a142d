"""Request bodies, read as a stream with a hard cap: the multipart upload of one image, and JSON."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.contract.http_errors import (
    BodyTooLarge,
    InvalidRequest,
    MalformedBody,
    RequestTimeout,
    UnsupportedContentCoding,
    UnsupportedMediaType,
)
from api.http.body_budget import Body
from common.errors import ImageTooLarge, InvalidParameter

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

#: A body that has not come by then is refused: ten megabytes at 350 kB/s.
BODY_TIMEOUT_S = 30.0
#: What a multipart body may have around the image: boundaries, part headers.
FRAMING_BYTES = 64 * 1024
FILE_FIELD = "file"
#: What is repeated of a header that names an unknown coding.
CODING_MAX_CHARS = 50


class ImageForm:
    """Hears a multipart parser and keeps the one file; everything else is refused."""

    def __init__(self, buffer: bytearray, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._data = buffer
        self._files = 0
        self.is_complete = False

    def on_part_begin(self) -> None:
        self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name != FILE_FIELD:
            raise InvalidRequest(
                [InvalidParameter(f"the form has one field, `{FILE_FIELD}`", parameter=name or "form")]
            )
        self._files += 1
        if self._files > 1:
            raise InvalidRequest([InvalidParameter(f"`{FILE_FIELD}` is given twice", parameter=FILE_FIELD)])

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._data) + end - start > self._max_bytes:
            raise too_large(self._max_bytes)
        self._data += data[start:end]

    def on_end(self) -> None:
        self.is_complete = True

    def image(self) -> bytes:
        """Return the uploaded bytes, and keep them no longer.

        Raises:
            InvalidRequest: there was no file, or nothing in it.
        """
        if not self._files:
            raise missing_file()
        if not self._data:
            raise InvalidRequest([InvalidParameter("the file is empty", parameter=FILE_FIELD)])
        image = bytes(self._data)
        self._data.clear()
        return image


async def read_image(request: Request, body: Body, *, max_bytes: int) -> bytes:
    """Return the image of a multipart upload, never holding more than it may have.

    Raises:
        ImageTooLarge, InvalidRequest, MalformedBody, QueueFull, RequestTimeout, UnsupportedContentCoding,
        UnsupportedMediaType
    """
    _check_coding(request)
    form = ImageForm(body.buffer, max_bytes=max_bytes)
    parser = _multipart_parser(request, form)
    declared = declared_bytes(request)
    if declared is not None and declared > max_bytes + FRAMING_BYTES:
        raise too_large(max_bytes)
    body.expect(declared or 0)
    received = 0
    try:
        async with _in_time():
            async for chunk in request.stream():
                received += len(chunk)
                if received > max_bytes + FRAMING_BYTES:
                    raise too_large(max_bytes)
                body.hold(len(chunk))
                parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise MalformedBody("the body is not well-formed multipart/form-data") from error
    if not form.is_complete:
        raise MalformedBody("the multipart body ends before its last boundary")
    return form.image()


async def read_body(request: Request, body: Body, *, max_bytes: int) -> bytes:
    """Return a whole body.

    Raises:
        BodyTooLarge, QueueFull, RequestTimeout, UnsupportedContentCoding
    """
    _check_coding(request)
    too_long = BodyTooLarge(f"the body has more than {max_bytes} bytes")
    declared = declared_bytes(request)
    if declared is not None and declared > max_bytes:
        raise too_long
    body.expect(declared or 0)
    async with _in_time():
        async for chunk in request.stream():
            if len(body.buffer) + len(chunk) > max_bytes:
                raise too_long
            body.hold(len(chunk))
            body.buffer += chunk
    data = bytes(body.buffer)
    body.buffer.clear()
    return data


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            yield
    except TimeoutError as error:
        raise RequestTimeout(f"the body did not come within {BODY_TIMEOUT_S:g} s") from error


def _check_coding(request: Request) -> None:
    """Refuse a compressed body: a small one could become as large as it likes."""
    codings = [coding for line in request.headers.getlist("content-encoding") for coding in line.split(",")]
    named = [coding.strip() for coding in codings if coding.strip().lower() not in {"", "identity"}]
    if named:
        raise UnsupportedContentCoding(
            f"the body is sent with Content-Encoding: {', '.join(named)[:CODING_MAX_CHARS]}; "
            "send it uncompressed, without that header"
        )


def declared_bytes(request: Request) -> int | None:
    """Return what `Content-Length` says; it may lie, so that it only ever refuses."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else None


def too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(f"the image has more than {max_bytes} bytes", parameter=FILE_FIELD)


def missing_file() -> InvalidRequest:
    return InvalidRequest(
        [InvalidParameter("send the image as the multipart field `file`", parameter=FILE_FIELD)]
    )


def _multipart_parser(request: Request, form: ImageForm) -> MultipartParser:
    declared = request.headers.get("content-type")
    if declared is None:
        raise missing_file()
    media_type, options = parse_options_header(declared)
    if media_type != b"multipart/form-data":
        raise UnsupportedMediaType("send the image as multipart/form-data, in the field `file`")
    if not options.get(b"boundary"):
        raise MalformedBody("the Content-Type names no boundary")
    callbacks: MultipartCallbacks = {
        "on_part_begin": form.on_part_begin,
        "on_header_field": form.on_header_field,
        "on_header_value": form.on_header_value,
        "on_header_end": form.on_header_end,
        "on_headers_finished": form.on_headers_finished,
        "on_part_data": form.on_part_data,
        "on_end": form.on_end,
    }
    return MultipartParser(options[b"boundary"], callbacks)
