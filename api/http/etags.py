"""Entity tags (RFC 9110, 8.8.3): what names an answer, and whether a client holds it already."""

from collections.abc import Iterable

from fastapi.responses import Response

#: A client may keep the answer but asks each time whether it still holds: ingest retires it at once.
REVALIDATE = "no-cache"


def etag_of(query_key: str) -> str:
    """Return the tag of a search's answer; weak, because its timings and job id may differ."""
    return f'W/"{query_key[:32]}"'


def is_current(if_none_match: Iterable[str], etag: str) -> bool:
    """Tell whether the client's copy will do; `*` stands for any copy."""
    return names_tag(if_none_match, etag) or names_tag(if_none_match, "*")


def names_tag(if_none_match: Iterable[str], etag: str) -> bool:
    """Tell whether the header names this very answer; the comparison is weak (RFC 9110, 13.1.2)."""
    opaque = etag.removeprefix("W/")
    return any(
        tag.strip().removeprefix("W/") == opaque for header in if_none_match for tag in header.split(",")
    )


def not_modified(etag: str) -> Response:
    """Return a 304."""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": REVALIDATE})
