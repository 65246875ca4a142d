"""Serves the files of the web page, compressed and with headers for the caches of browsers."""

import gzip
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from api.http.etags import REVALIDATE, content_etag
from api.http.files.static_files import PAGES, TypedFiles

#: Browsers may keep a file for a year if its name has a fingerprint, because other content has another name.
FOREVER = "public, max-age=31536000, immutable"
_FINGERPRINTED = re.compile(r"-[0-9a-f]{12}\.\w+")
#: The types whose files become smaller by gzip.
_COMPRESSIBLE = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt"})


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it was at one time of modification."""

    modified_ns: int
    etag: str
    compressed: bytes


class PageFiles(TypedFiles):
    """Serves a folder of few small files, and keeps them compressed in memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, types=PAGES, html=True)
        self._versions: dict[str, _Version] = {}

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, compressed if the client accepts gzip and asks for the whole file."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        asked = Headers(scope=scope)
        if response.status_code != status_code or "range" in asked or not accepts_gzip(asked):
            return response
        if Path(full_path).suffix not in _COMPRESSIBLE:
            return response
        headers = {
            **self.headers_of(full_path),
            "etag": f"W/{response.headers['etag']}",
            "content-encoding": "gzip",
        }
        return Response(self._version(full_path).compressed, status_code, headers, response.media_type)

    def headers_of(self, full_path: str | os.PathLike[str]) -> Mapping[str, str]:
        kept = FOREVER if _FINGERPRINTED.search(Path(full_path).name) else REVALIDATE
        # The default ETag contains the time of modification, which differs between installed copies.
        return {"cache-control": kept, "etag": self._version(full_path).etag, "vary": "Accept-Encoding"}

    def _version(self, full_path: str | os.PathLike[str]) -> _Version:
        path = Path(full_path)
        modified_ns = path.stat().st_mtime_ns
        known = self._versions.get(str(path))
        if known is None or known.modified_ns != modified_ns:
            content = path.read_bytes()
            known = _Version(modified_ns, content_etag(content), gzip.compress(content, mtime=0))
            self._versions[str(path)] = known
        return known


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3)."""
    weights = {}
    for offered in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        coding, _, weight = offered.partition(";")
        weights[coding.strip()] = "".join(weight.split()).removeprefix("q=") or "1"
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "0")))
    return weight.strip("0.") != ""
