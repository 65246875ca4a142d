"""What a host's answer says: how long to wait, whether the cover has changed, and the cover itself."""

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from catalog.ingest.rejection import RowFault

#: A validator that is longer is not remembered; the next fetch is a plain one.
_VALIDATOR_MAX_CHARS = 500
#: Values of `wbits`: gzip's header, and zlib's, which HTTP calls deflate.
_PACKINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
#: How pages and error documents begin, that some hosts send with 200 in a cover's place.
_MARKUP = (b"<", b"{", b"[")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a host said of a cover's version, by which it is asked for changes (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Validators":
        return cls(_short(headers.get("etag")), _short(headers.get("last-modified")))

    def conditions(self) -> list[tuple[bytes, bytes]]:
        """Return the request's fields that ask for the cover only if it has changed."""
        pairs = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified))
        return [(name, value.encode("ascii")) for name, value in pairs if value is not None]


@dataclass(frozen=True, slots=True)
class FetchedCover:
    """A cover's bytes and its validators."""

    content: bytes
    validators: Validators


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Return how long the host asks to be left alone, None where it does not say so intelligibly."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value).timestamp()
        # By the host's own clock where it tells it: this machine's may differ.
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
    except ValueError:
        return None
    return max(0.0, until - now)


def read_body(chunks: Iterable[bytes], headers: httpx.Headers, *, url: str, max_bytes: int) -> bytes:
    """Return a body, unpacked.

    Raises:
        RowFault: it is too large, is packed in an unknown way, or is a page and not a picture.
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
        # No chunk may grow beyond the limit, whatever it is packed from.
        yield unpacker.decompress(chunk, limit)
    if not unpacker.eof:
        raise zlib.error("it is cut short")


def _require_picture(head: bytes, headers: httpx.Headers, *, url: str) -> None:
    if not head:
        raise RowFault("cover_unreachable", f"{url:.200} was answered with nothing")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # A picture may be declared as something else; a page that is declared as one is none all the same.
    if (
        kind
        and not kind.startswith("image/")
        and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARKUP)
    ):
        raise RowFault("cover_unreachable", f"{url:.200} was answered with {kind:.50} and not a picture")


def _short(value: str | None) -> str | None:
    fits = value and len(value) <= _VALIDATOR_MAX_CHARS and value.isascii() and value.isprintable()
    return value if fits else None
