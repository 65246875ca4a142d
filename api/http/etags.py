"""Entity tags (RFC 9110, 8.8.3) and conditional requests."""

import hashlib
from collections.abc import Iterable

from fastapi.responses import Response

#: This `Cache-Control` makes clients revalidate a cached answer, because every ingest can change the answer.
REVALIDATE = "no-cache"


def result_etag(query_key: str, suffix: str = "") -> str:
    """Return the ETag of a search result, which is weak because the timings and the job id may differ."""
    return f'W/"{query_key[:32]}{suffix}"'


def content_etag(content: bytes) -> str:
    """Return the strong ETag of a content, which is a part of the content's hash."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_current(if_none_match: Iterable[str], etag: str) -> bool:
    """Tell whether the client's copy is current; `*` in `If-None-Match` matches any copy."""
    return names_tag(if_none_match, etag) or names_tag(if_none_match, "*")


def names_tag(if_none_match: Iterable[str], etag: str) -> bool:
    """Tell whether `If-None-Match` lists this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    opaque = etag.removeprefix("W/")
    return any(
        tag.strip().removeprefix("W/") == opaque for header in if_none_match for tag in header.split(",")
    )


def not_modified(etag: str) -> Response:
    """Return a 304 response."""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": REVALIDATE})


def json_with_etag(body: bytes, *, if_none_match: Iterable[str]) -> Response:
    """Return a JSON response with an ETag of its body, or a 304 response if the client has this body."""
    etag = content_etag(body)
    if is_current(if_none_match, etag):
        return not_modified(etag)
    return Response(body, headers={"ETag": etag, "Cache-Control": REVALIDATE}, media_type="application/json")
