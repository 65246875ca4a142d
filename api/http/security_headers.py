"""The security headers of every answer: what a browser may do with it."""

from urllib.parse import urlsplit

RawHeaders = tuple[tuple[bytes, bytes], ...]

#: Nothing: what is no page runs nothing and loads nothing, even if a browser is made to show it.
CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
#: Swagger UI, from files of this server alone; its icons are within its style sheet.
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
#: The page shows covers from wherever the catalog keeps them, and the image that is about to be sent.
APP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: https:{covers}; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class SecurityHeaders:
    """The headers by path."""

    def __init__(self, *, public_url: str | None) -> None:
        # Of an address with a path a policy would let in that path alone.
        covers = f" {origin_of(public_url)}" if public_url else ""
        self._closed = _headers(CLOSED)
        self._docs = _headers(DOCS)
        self._app = _headers(APP.format(covers=covers))
        # Pages of others may show a cover.
        self._covers = _headers(CLOSED, resource_policy="cross-origin")

    def of(self, path: str) -> RawHeaders:
        """Return the headers that an answer at this path is sent with."""
        if path.startswith("/api/"):
            return self._closed
        if path == "/docs" or path.startswith("/docs/"):
            return self._docs
        if path == "/app" or path.startswith("/app/"):
            return self._app
        return self._covers if path.startswith("/covers/") else self._closed


def origin_of(url: str) -> str:
    """Return the scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _headers(content_policy: str, *, resource_policy: str = "same-origin") -> RawHeaders:
    return (
        (b"content-security-policy", content_policy.encode()),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", resource_policy.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
    )
