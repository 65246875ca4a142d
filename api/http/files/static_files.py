"""Serves the files of a folder that have an allowed type, with support for byte ranges."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from api.contract.errors.request_errors import RangeNotSatisfiable
from api.http.middleware.request_context import IS_HEAD

#: The media types of covers by file suffix. SVG is excluded, because an SVG file can contain scripts.
PICTURES: Mapping[str, str] = MappingProxyType(
    {
        ".avif": "image/avif",
        ".bmp": "image/bmp",
        ".gif": "image/gif",
        ".heic": "image/heic",
        ".heif": "image/heif",
        ".jfif": "image/jpeg",
        ".jpe": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".jpg": "image/jpeg",
        ".png": "image/png",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
        ".webp": "image/webp",
    }
)
#: The media types of the files of web pages, by file suffix.
PAGES: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css",
        ".html": "text/html",
        ".js": "text/javascript",
        ".json": "application/json",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
    }
)

_RANGE = re.compile(r"(?:([0-9]{1,30})-([0-9]{0,30})|-([0-9]{1,30}))")


class TypedFiles(StaticFiles):
    """Serves files with one of the given suffixes, except hidden files and files outside the folder."""

    def __init__(
        self, folder: Path, *, types: Mapping[str, str], html: bool = False, check_dir: bool = True
    ) -> None:
        super().__init__(directory=folder, html=html, check_dir=check_dir)
        self._folder = os.path.realpath(folder)
        self._types = types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get(IS_HEAD):
            # The header `Range` is removed, because it applies to GET only (RFC 9110, 14.2).
            headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
            scope = {**scope, "method": "HEAD", "headers": headers}
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if isinstance(response, RedirectResponse):
            # The redirect is relative, because a proxy may publish the file under another scheme, host or
            # path.
            response.headers["location"] = f"./{quote(Path(path).name)}/"
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            found, status = super().lookup_path(path)
        except OSError:
            # The path contains a symbolic link loop, a name that is too long, or a folder that is not
            # accessible.
            return "", None
        if status is None or not self._is_served(path, found, status):
            return "", None
        return found, status

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = PartialFileResponse(
            full_path,
            status_code=status_code,
            headers=self.headers_of(full_path),
            media_type=self._types[_suffix(full_path)],
            stat_result=stat_result,
        )
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    def headers_of(self, full_path: str | os.PathLike[str]) -> Mapping[str, str]:  # noqa: ARG002
        """Return headers that replace or extend the default headers of a file."""
        return {}

    def _is_served(self, path: str, found: str, status: os.stat_result) -> bool:
        # A symbolic link and its target may have different names and suffixes; both are checked.
        names = [*Path(path).parts, *Path(found).relative_to(self._folder).parts]
        if any(name.startswith(".") and name != "." for name in names):
            return False
        if stat.S_ISDIR(status.st_mode):
            return self.html
        is_typed = _suffix(path) in self._types and _suffix(found) in self._types
        return is_typed and stat.S_ISREG(status.st_mode) and os.access(found, os.R_OK)


class PartialFileResponse(FileResponse):
    """Sends a file or byte ranges of a file, and answers invalid ranges with a problem document."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        """Return sorted and merged byte ranges as (first, end); an empty list means the whole file.

        Raises:
            RangeNotSatisfiable
        """
        unit, _, listed = http_range.partition("=")
        asked = [each.strip() for each in listed.split(",") if each.strip()]
        # A server must ignore ranges in units other than bytes, and may ignore too many ranges (RFC 9110,
        # 14.2).
        if unit.strip().lower() != "bytes" or len(asked) > cls.max_ranges:
            return []
        ranges = sorted(_range(each, size_bytes=file_size) for each in asked)
        satisfiable = [(first, min(end, file_size)) for first, end in ranges if first < min(end, file_size)]
        if not satisfiable:
            raise RangeNotSatisfiable(f"the file has {file_size} bytes", size_bytes=file_size)
        return _merged(satisfiable)


def _range(asked: str, *, size_bytes: int) -> tuple[int, int]:
    """Return the position of a range's first byte, and the position after its last byte."""
    found = _RANGE.fullmatch(asked)
    if found is None or (found[2] and int(found[1]) > int(found[2])):
        raise RangeNotSatisfiable("a range is first-last, first- or -length", size_bytes=size_bytes)
    if found[3]:
        return max(0, size_bytes - int(found[3])), size_bytes
    return int(found[1]), int(found[2]) + 1 if found[2] else size_bytes


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    apart = ranges[:1]
    for first, end in ranges[1:]:
        if first <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], end)
        else:
            apart.append((first, end))
    return apart


def _suffix(path: str | os.PathLike[str]) -> str:
    return Path(path).suffix.lower()
