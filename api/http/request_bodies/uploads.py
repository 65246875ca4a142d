"""Reads request bodies (uploaded images or JSON) up to a maximum size."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from python_multipart.multipart import parse_options_header

from api.contract.errors.request_errors import (
    BodyTooLarge,
    RequestTimeout,
    UnsupportedContentCoding,
    UnsupportedMediaType,
)
from api.http.request_bodies.body_budget import Body
from api.http.request_bodies.multipart import ImageForm, empty_file, too_large
from common.validation.strict_numbers import read_whole_number

#: The maximum number of seconds for receiving a body, enough for ten megabytes at 350 kB/s.
BODY_TIMEOUT_S = 30.0
#: The maximum number of characters of an unknown content coding that an error message shows.
CODING_MAX_CHARS = 50
FORM = b"multipart/form-data"
OCTETS = b"application/octet-stream"
ACCEPTED_TYPES = (
    "send the image as multipart/form-data, in the field `file`, or as the body itself with its type, "
    "such as image/jpeg, or application/octet-stream"
)


class RawImage:
    """Collects the bytes of a request body that is an image."""

    framing_bytes = 0

    def __init__(self, buffer: bytearray, *, max_bytes: int) -> None:
        self._data = buffer
        self._max_bytes = max_bytes

    def write(self, chunk: bytes) -> None:
        """Append the next bytes of the body.

        Raises:
            ImageTooLarge
        """
        if len(self._data) + len(chunk) > self._max_bytes:
            raise too_large(self._max_bytes)
        self._data += chunk

    def finish(self) -> None:
        """Check, at the end of the body, that the image is not empty.

        Raises:
            InvalidRequest: the body is empty.
        """
        if not self._data:
            raise empty_file()


async def read_image(request: Request, body: Body, *, max_bytes: int) -> bytes:
    """Return the image that a request sends in a form or as its whole body, of at most `max_bytes` bytes.

    Raises:
        ImageTooLarge, InvalidRequest, MalformedBody, QueueFull, RequestTimeout, UnsupportedContentCoding,
        UnsupportedMediaType
    """
    _check_coding(request)
    image = _incoming_image(request, body.buffer, max_bytes=max_bytes)
    declared = declared_bytes(request)
    if declared is not None and declared > max_bytes + image.framing_bytes:
        raise too_large(max_bytes)
    body.expect(declared or 0)
    async with _in_time():
        async for chunk in request.stream():
            body.hold(len(chunk))
            image.write(chunk)
    image.finish()
    return _taken(body)


async def read_body(request: Request, body: Body, *, max_bytes: int) -> bytes:
    """Return the whole body of a request.

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
    return _taken(body)


def _taken(body: Body) -> bytes:
    """Return the buffered bytes, and empty the buffer."""
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
    """Refuse a compressed body, because its decompressed size is unbounded."""
    codings = [coding for line in request.headers.getlist("content-encoding") for coding in line.split(",")]
    named = [coding.strip() for coding in codings if coding.strip().lower() not in {"", "identity"}]
    if named:
        raise UnsupportedContentCoding(
            f"the body is sent with Content-Encoding: {', '.join(named)[:CODING_MAX_CHARS]}; "
            "send it uncompressed, without that header"
        )


def declared_bytes(request: Request) -> int | None:
    """Return the value of `Content-Length`, used only for early refusals, or None if it is missing."""
    try:
        return read_whole_number(request.headers.get("content-length", ""))
    except ValueError:
        return None


def _incoming_image(request: Request, buffer: bytearray, *, max_bytes: int) -> ImageForm | RawImage:
    """Return the object that collects the image from the body, chosen by the request's `Content-Type`."""
    declared = request.headers.get("content-type")
    # A body without a Content-Type may be treated as application/octet-stream (RFC 9110, 8.3).
    media_type, options = (OCTETS, {}) if declared is None else parse_options_header(declared)
    if media_type == FORM:
        return ImageForm(buffer, boundary=options.get(b"boundary", b""), max_bytes=max_bytes)
    if media_type == OCTETS or media_type.startswith(b"image/"):
        return RawImage(buffer, max_bytes=max_bytes)
    raise UnsupportedMediaType(ACCEPTED_TYPES)
