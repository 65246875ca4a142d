"""Streaming parser for the image in a multipart form (RFC 2046, RFC 7578)."""

import re
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.contract.errors.request_errors import InvalidRequest, MalformedBody
from common.errors import ImageTooLarge, InvalidParameter

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

#: The maximum number of bytes around the image: preamble, boundaries, part headers and epilogue.
FRAMING_BYTES = 64 * 1024
#: The maximum number of bytes of one part header, enough for a file name of 5,000 characters in UTF-8.
HEADER_MAX_BYTES = 20 * 1024
#: The maximum number of blanks between a boundary and the end of the boundary's line.
PADDING_MAX_BYTES = 256
FILE_FIELD = "file"


class ImageForm:
    """Extracts the file from a multipart form, and refuses any other field."""

    framing_bytes = FRAMING_BYTES

    def __init__(self, buffer: bytearray, *, boundary: bytes, max_bytes: int) -> None:
        """Prepare to write the file into `buffer`.

        Raises:
            MalformedBody: the boundary is missing or too long.
        """
        if not boundary:
            raise MalformedBody("the Content-Type names no boundary")
        self._max_bytes = max_bytes
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._data = buffer
        self._files = 0
        self._received_bytes = 0
        self._is_complete = False
        self._preamble = PreambleFilter(boundary)
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks, max_header_size=HEADER_MAX_BYTES)
        except FormParserError as error:
            raise MalformedBody("the Content-Type names a boundary that is too long") from error

    def write(self, chunk: bytes) -> None:
        """Parse the next bytes of the body.

        Raises:
            ImageTooLarge, InvalidRequest, MalformedBody
        """
        self._received_bytes += len(chunk)
        try:
            self._parser.write(self._preamble.without(chunk))
        except FormParserError as error:
            raise MalformedBody("the body is not well-formed multipart/form-data") from error
        # The limit is checked after each chunk, because the parser skips padding slowly, byte by byte.
        if self._received_bytes - len(self._data) > FRAMING_BYTES:
            raise MalformedBody(f"the multipart body has more than {FRAMING_BYTES} bytes around the image")

    def finish(self) -> None:
        """Check, at the end of the body, that the form is complete.

        Raises:
            MalformedBody: the last boundary is missing.
            InvalidRequest: the form has no file, or the file is empty.
        """
        if not self._is_complete:
            raise MalformedBody("the multipart body ends before its last boundary")
        if not self._files:
            raise InvalidRequest([InvalidParameter("the form has no `file`", parameter=FILE_FIELD)])
        if not self._data:
            raise empty_file()

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name != FILE_FIELD:
            raise InvalidRequest(
                [InvalidParameter(f"the form has one field, `{FILE_FIELD}`", parameter=name or "form")]
            )
        self._files += 1
        if self._files > 1:
            raise InvalidRequest([InvalidParameter(f"`{FILE_FIELD}` is given twice", parameter=FILE_FIELD)])

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._data) + end - start > self._max_bytes:
            raise too_large(self._max_bytes)
        self._data += data[start:end]

    def _on_end(self) -> None:
        self._is_complete = True


class PreambleFilter:
    """Removes the preamble and the blanks after the first boundary, because python-multipart refuses both."""

    def __init__(self, boundary: bytes) -> None:
        self._boundary = b"--" + boundary
        self._line = re.compile(
            rb"\r\n%b(--|[ \t]{0,%d}\r\n)" % (re.escape(self._boundary), PADDING_MAX_BYTES)
        )
        self._held_max_bytes = len(self._boundary) + PADDING_MAX_BYTES + 4
        # A line break is added here, because the body may begin with the boundary, without a line break.
        self._held = b"\r\n"
        self._is_over = False

    def without(self, chunk: bytes) -> bytes:
        """Return a chunk of the body without the preamble."""
        if self._is_over:
            return chunk
        held = self._held + chunk
        found = self._line.search(held)
        if found is None:
            self._held = held[-self._held_max_bytes :]
            return b""
        self._is_over = True
        return self._boundary + found[1].lstrip(b" \t") + held[found.end() :]


def too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(f"the image has more than {max_bytes} bytes", parameter=FILE_FIELD)


def empty_file() -> InvalidRequest:
    return InvalidRequest([InvalidParameter("the file is empty", parameter=FILE_FIELD)])
