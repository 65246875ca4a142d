"""Reads HTTP responses: Retry-After, ETag and Last-Modified, and the body, decompressed and checked."""

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from catalog.ingest.rejection import RowFault

#: Longer validators are not kept; the next fetch is then unconditional.
_VALIDATOR_MAX_CHARS = 500
#: zlib's `wbits` for gzip, and for the zlib format, which HTTP calls deflate.
_PACKINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
#: First bytes of HTML, XML and JSON, which some hosts send with status 200 in place of a cover.
_MARKUP = (b"<", b"{", b"[")


@dataclass(frozen=True, slots=True)
class Validators:
    """The ETag and Last-Modified of a cover, for conditional requests (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Validators":
        return cls(_short(headers.get("etag")), _short(headers.get("last-modified")))

    def conditions(self) -> list[tuple[bytes, bytes]]:
        """Return the request headers that ask for the cover only if it has changed."""
        pairs = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified))
        return [(name, value.encode("ascii")) for name, value in pairs if value is not None]


@dataclass(frozen=True, slots=True)
class FetchedCover:
    """A cover's bytes and its validators."""

    content: bytes
    validators: Validators


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the wait that Retry-After asks for, None if the header is missing or invalid."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value).timestamp()
        # By the host's clock (the Date header) if possible: this machine's may differ.
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
    except ValueError:
        return None
    return max(0.0, until - now)


def read_body(chunks: Iterable[bytes], headers: httpx.Headers, *, url: str, max_bytes: int) -> bytes:
    """Return the decompressed body.

    Raises:
        RowFault: it is too large, has an unknown content coding, or is text and not an image.
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
    _require_picture(bytes(body[:64]), headers, url=url)
    return bytes(body)


def _unpacked(chunks: Iterable[bytes], wbits: int, *, limit: int) -> Iterable[bytes]:
    unpacker = zlib.decompressobj(wbits)
    for chunk in chunks:
        # Limits what one chunk may decompress to, against decompression bombs.
        yield unpacker.decompress(chunk, limit)
    if not unpacker.eof:
        raise zlib.error("it is cut short")


def _require_picture(head: bytes, headers: httpx.Headers, *, url: str) -> None:
    if not head:
        raise RowFault("cover_unreachable", f"{url:.200} was answered with nothing")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # An image with a wrong Content-Type is accepted; text is refused if its Content-Type is not an image's.
    if (
        kind
        and not kind.startswith("image/")
        and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARKUP)
    ):
        raise RowFault("cover_unreachable", f"{url:.200} was answered with {kind:.50} and not a picture")


def _short(value: str | None) -> str | None:
    fits = value and len(value) <= _VALIDATOR_MAX_CHARS and value.isascii() and value.isprintable()
    return value if fits else None
