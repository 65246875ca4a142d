"""Reads HTTP responses: the headers Retry-After, ETag and Last-Modified, and the body."""

import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from catalog.ingest.rejection import RowFault
from common.validation.strict_numbers import read_decimal

#: The maximum number of characters in an ETag or Last-Modified header; longer headers are not stored.
_VALIDATOR_MAX_CHARS = 500
#: zlib's `wbits` for the content codings gzip and deflate; HTTP calls the zlib format deflate.
_PACKINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
#: The first bytes of HTML, XML and JSON, which some hosts send with status 200 instead of a cover.
_MARKUP = (b"<", b"{", b"[")


@dataclass(frozen=True, slots=True)
class Validators:
    """The ETag and Last-Modified headers of a cover, for conditional requests (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Validators":
        return cls(_short(headers.get("etag")), _short(headers.get("last-modified")))

    def conditions(self) -> list[tuple[bytes, bytes]]:
        """Return the request headers that ask the host to send the cover only if the cover has changed."""
        pairs = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified))
        return [(name, value.encode("ascii")) for name, value in pairs if value is not None]


@dataclass(frozen=True, slots=True)
class FetchedCover:
    """The bytes of a cover, with its ETag and Last-Modified headers."""

    content: bytes
    validators: Validators
    #: The URL that sent the bytes, after all redirects.
    final_url: str


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the Retry-After header in seconds, or None if the header is missing or invalid."""
    value = headers.get("retry-after", "").strip()
    with suppress(ValueError):
        return read_decimal(value)
    try:
        until = parsedate_to_datetime(value).timestamp()
        # The host's clock (the Date header) is preferred, because this machine's clock may differ from it.
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
    except ValueError:
        return None
    return max(0.0, until - now)


def read_body(chunks: Iterable[bytes], headers: httpx.Headers, *, url: str, max_bytes: int) -> bytes:
    """Return the decompressed body of a response.

    Raises:
        RowFault: the body is too large, or has an unknown content coding.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {*_PACKINGS, "identity", ""}:
        raise RowFault("cover_unreachable", f"{url:.200} was answered with the content coding {coding:.50}")
    plain = _unpacked(chunks, _PACKINGS[coding], limit=max_bytes + 1) if coding in _PACKINGS else chunks
    body = bytearray()
    try:
        for chunk in plain:
            body += chunk
            if len(body) > max_bytes:
                raise RowFault("cover_too_large", f"{url:.200} has more than {max_bytes} bytes")
    except zlib.error as error:
        raise RowFault("cover_unreachable", f"{url:.200} cannot be unpacked: {error}") from error
    return bytes(body)


def require_picture(body: bytes, headers: httpx.Headers, *, url: str) -> None:
    """Check that the body of a response may be an image.

    Raises:
        RowFault: the body is empty, or is text.
    """
    head = body[:64]
    if not head:
        raise RowFault("cover_unreachable", f"{url:.200} was answered with nothing")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # An image with a wrong Content-Type is accepted; markup is refused unless its Content-Type is that of an
    # image.
    if (
        kind
        and not kind.startswith("image/")
        and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARKUP)
    ):
        raise RowFault("cover_unreachable", f"{url:.200} was answered with {kind:.50} and not a picture")


def _unpacked(chunks: Iterable[bytes], wbits: int, *, limit: int) -> Iterable[bytes]:
    unpacker = zlib.decompressobj(wbits)
    for chunk in chunks:
        # The limit on the decompressed size of one chunk protects against decompression bombs.
        yield unpacker.decompress(chunk, limit)
    if not unpacker.eof:
        raise zlib.error("it is cut short")


def _short(value: str | None) -> str | None:
    fits = value and len(value) <= _VALIDATOR_MAX_CHARS and value.isascii() and value.isprintable()
    return value if fits else None
