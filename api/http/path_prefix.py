"""Lets the gateway be reached under the path of its public address, whether or not a proxy strips it."""

from urllib.parse import unquote, unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import SettingsError

#: What the service's own paths begin with.
FIRST_SEGMENTS = frozenset({"api", "app", "covers", "docs", "health", "livez", "openapi.json", "readyz"})


class PathPrefix:
    """Takes the prefix off each path that has it, so that everything behind it sees the paths of its routes.

    A path without the prefix is left as it is: a proxy has stripped it, or the gateway is reached directly.
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
    """Accept a prefix that no path of the service begins with.

    Raises:
        SettingsError: whether a proxy has stripped it could not be told.
    """
    first = prefix.split("/")[1]
    if first in FIRST_SEGMENTS:
        raise SettingsError(
            f"PUBLIC_URL: its path begins with /{first}, as paths of the service do; choose another prefix, "
            "or leave the path out where the service is at the root of its host"
        )
