"""Finds where requests end, and checks request heads more strictly than the parser does (RFC 9112)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from api.contract.errors.request_errors import HeadersTooLarge, MalformedBody, NotImplementedHere
from common.validation.strict_numbers import read_whole_number

RawHeaders = Sequence[tuple[bytes, bytes]]

#: The maximum total size in bytes of the request line and headers; the same maximum applies to chunk
#: extensions and trailers.
HEAD_MAX_BYTES = 64 * 1024
#: The maximum number of header fields, as in Apache; a browser behind three proxies sends about 40.
HEADERS_MAX = 100
TOO_MANY_HEADERS = f"the request has more than {HEADERS_MAX} header fields"
#: The value that stands for the unknown length of a chunked body.
CHUNKED = -1

#: The bytes that end a request head or a chunked body.
END = b"\r\n\r\n"
#: Chunked bodies are parsed in pieces; the minimum and maximum size of a piece in bytes. The minimum
#: limits the number of pieces of a body that contains many END marks.
_CHUNKED_MIN_BYTES, _CHUNKED_MAX_BYTES = 256, 16 * 1024

_LINE_BREAKS = re.compile(rb"[\r\n]*")
_VERSIONS = frozenset({"1.0", "1.1"})
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
_BLANKS = b" \t"
#: A host name, an IPv4 address or a bracketed IPv6 address, with an optional port (RFC 3986, 3.2.2).
_HOST = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?"
)
_ABSOLUTE = re.compile(rb"https?://([^/?]*)((?:[/?].*)?)", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def piece_end(data: bytes, start: int, body_left: int) -> int:
    """Return the end of the next piece to parse; a piece usually contains the end of at most one request.

    `body_left` is the number of body bytes still expected, or CHUNKED. More than one request can end in a
    piece if an END mark is split between two TCP segments, or if small requests follow a chunked body.
    """
    size = len(data)
    if body_left > 0:
        return min(size, start + body_left)
    first, last = start, size
    if body_left == CHUNKED:
        first, last = start + _CHUNKED_MIN_BYTES, min(size, start + _CHUNKED_MAX_BYTES)
    mark = data.find(END, first, last)
    return last if mark < 0 else mark + len(END)


def line_breaks_end(data: bytes, start: int) -> int:
    """Return the position after the line breaks at `start`, or `start` if there are no line breaks."""
    found = _LINE_BREAKS.match(data, start)
    return found.end() if found else start


def check_head_piece(data: bytes, start: int, end: int, *, before: int) -> None:
    """Check a request head's size before parsing, which creates objects 30 times as large as the head.

    `before` is the number of bytes of this request head that have already been parsed.

    Raises:
        HeadersTooLarge: the head has too many bytes or lines.
    """
    size = end - start
    if before + size > HEAD_MAX_BYTES:
        raise HeadersTooLarge(f"the request's head has more than {HEAD_MAX_BYTES} bytes")
    if size > HEADERS_MAX and data.count(b"\n", start, end) > HEADERS_MAX + 2:
        raise HeadersTooLarge(TOO_MANY_HEADERS)


def check_head(*, version: str, target: bytes, headers: RawHeaders) -> int:
    """Check a request head, and return the body's number of bytes, or CHUNKED.

    Raises:
        HeadersTooLarge, MalformedBody, NotImplementedHere
    """
    if version not in _VERSIONS:
        raise MalformedBody("the service speaks HTTP/1.0 and HTTP/1.1")
    if not target.startswith(b"/") or b"#" in target:
        _check_target(target)
    if len(headers) > HEADERS_MAX:
        raise HeadersTooLarge(TOO_MANY_HEADERS)
    fields = [field for field in headers if field[0] in _FRAMING]
    if len(fields) == 1 and fields[0][0] == b"host" and _is_host(fields[0][1]):
        # Nearly every GET has only a Host field to check, so other checks are skipped.
        return 0
    _check_host([value for name, value in fields if name == b"host"], version)
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if codings:
        _check_codings(codings, version, has_length=bool(lengths))
        return CHUNKED
    return _body_bytes(lengths) if lengths else 0


def origin_form(target: bytes) -> bytes:
    """Return the path and query of a request target that `check_head` accepts."""
    if target.startswith(b"/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target
    rest = absolute[2]
    return rest if rest.startswith(b"/") else b"/" + rest


def _check_target(target: bytes) -> None:
    if b"#" in target:
        raise MalformedBody("the request target has a fragment; write # within a path as %23")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not _is_host(absolute[1]):
        raise MalformedBody("the request target is neither a path nor an http URL")


def _check_host(hosts: Sequence[bytes], version: str) -> None:
    if len(hosts) > 1:
        raise MalformedBody("the request has more than one Host field")
    if not hosts:
        if version == "1.1":
            raise MalformedBody("the request has no Host field")
        return
    if not _is_host(hosts[0]):
        raise MalformedBody("the Host field is not a host and a port")


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value.strip(_BLANKS))
    if found is None:
        return False
    try:
        return found[1] is None or bool(IPv6Address(found[1].decode()))
    except AddressValueError:
        return False


def _check_codings(codings: Sequence[bytes], version: str, *, has_length: bool) -> None:
    """Accept only `chunked`, so that a proxy sees the request end at the same byte (no request smuggling)."""
    if version == "1.0":
        raise MalformedBody("HTTP/1.0 has no Transfer-Encoding")
    if has_length:
        raise MalformedBody("the request has both Transfer-Encoding and Content-Length")
    names = [name.strip(" \t").lower() for value in codings for name in value.decode("latin-1").split(",")]
    if names == ["chunked"]:
        return
    if names[-1] != "chunked" or "chunked" in names[:-1] or not all(map(_TOKEN.fullmatch, names)):
        raise MalformedBody("Transfer-Encoding must list valid codings, with chunked once and last")
    raise NotImplementedHere(f"the transfer coding {names[0]} is not implemented; send the body as it is")


def _body_bytes(lengths: Sequence[bytes]) -> int:
    try:
        (length,) = lengths
        return read_whole_number(length.strip(_BLANKS).decode("latin-1"))
    except ValueError:
        raise MalformedBody("Content-Length is not one number") from None
