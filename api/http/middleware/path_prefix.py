"""Removes the path prefix of PUBLIC_URL from request paths, unless a proxy has already removed the prefix."""

from urllib.parse import unquote, unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import SettingsError

#: The first segments of the service's own paths.
FIRST_SEGMENTS = frozenset(
    {"api", "app", "covers", "docs", "health", "livez", "openapi.json", "readyz", "thumbnails"}
)


class PathPrefix:
    """Middleware that removes the prefix from request paths, so that the routes match.

    A path without the prefix is left unchanged, because a proxy has removed the prefix or the client connects
    directly.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._segments = [segment.encode() for segment in prefix.split("/")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(self._without_prefix(scope), receive, send)

    def _without_prefix(self, scope: Scope) -> Scope:
        if scope["type"] != "http":
            return scope
        segments = scope["raw_path"].split(b"/")
        count = len(self._segments)
        if [unquote_to_bytes(segment) for segment in segments[:count]] != self._segments:
            return scope
        raw_path = b"/" + b"/".join(segments[count:])
        return {**scope, "raw_path": raw_path, "path": unquote(raw_path.decode("ascii"))}


def check_path_prefix(prefix: str) -> None:
    """Check that no path of the service begins with the prefix.

    Raises:
        SettingsError: the prefix and a path of the service have the same first segment.
    """
    first = prefix.split("/")[1]
    if first in FIRST_SEGMENTS:
        raise SettingsError(
            f"PUBLIC_URL: its path begins with /{first}, like a path of the service; choose another prefix, "
            "or leave the path out if the service is at the root of its host"
        )
