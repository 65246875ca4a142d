"""The security headers of every response, including the Content-Security-Policy for the response's path."""

from urllib.parse import urlsplit

RawHeaders = tuple[tuple[bytes, bytes], ...]

#: The policy for responses that are not web pages: a browser runs no script and loads nothing.
CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
#: The policy for Swagger UI, which loads files from this server and has data URIs in its style sheet.
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
#: The policy for the web page, which shows covers from any HTTPS host and previews uploaded images (`blob:`).
APP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: https:{covers}; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class SecurityHeaders:
    """Returns the security headers of each path."""

    def __init__(self, *, public_url: str | None) -> None:
        # The path of PUBLIC_URL is dropped, because a policy with a path would block all other paths of the
        # host.
        covers = f" {origin_of(public_url)}" if public_url else ""
        self._closed = _headers(CLOSED)
        self._docs = _headers(DOCS)
        self._app = _headers(APP.format(covers=covers))
        # Web pages of other origins may show covers and thumbnails.
        self._pictures = _headers(CLOSED, resource_policy="cross-origin")

    def of(self, path: str) -> RawHeaders:
        """Return the security headers of responses at a path."""
        if path.startswith("/api/"):
            return self._closed
        if path == "/docs" or path.startswith("/docs/"):
            return self._docs
        if path == "/app" or path.startswith("/app/"):
            return self._app
        return self._pictures if path.startswith(("/covers/", "/thumbnails/")) else self._closed


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL."""
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
