"""A server that answers as MusicBrainz's web service, the Cover Art Archive and the Internet Archive do.

The answers have the shapes of https://musicbrainz.org/doc/MusicBrainz_API (url by text) and
https://musicbrainz.org/doc/Cover_Art_Archive/API.
"""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import NAMESPACE_URL, uuid5

#: The minimum number of seconds between the arrivals of two requests to MusicBrainz. A client that sends one
#: request per second keeps to it even if a request is delayed.
_INTERVAL_S = 0.5
_RESOURCES_MAX = 100
_PAGE = "https://www.discogs.com/release/"

Fault = Callable[["_Handler"], None]


def mbid_of(name: object) -> str:
    """Return a MusicBrainz id for a name."""
    return str(uuid5(NAMESPACE_URL, str(name)))


def refuse(status: int, retry_after: str | None = None) -> Fault:
    """Return a fault that answers a request with a status."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda handler: handler.reply(status, headers=headers)


def hang(handler: "_Handler") -> None:
    """Send nothing until the server stops."""
    handler.close_connection = True
    handler.server.stopping.wait()


class ReleaseServices(http.server.ThreadingHTTPServer):
    """The three services on one port; the Internet Archive has another host name."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: Maps Discogs releases to the MusicBrainz releases that are linked to them.
        self.releases: dict[int, list[str]] = {}
        #: The Discogs releases whose links have ended.
        self.ended: set[int] = set()
        #: Maps paths such as `release/MBID` to the front covers of the Cover Art Archive.
        self.covers: dict[str, bytes] = {}
        #: The faults of the next requests to MusicBrainz, and of the next requests for a path in the archive.
        self.musicbrainz_faults: list[Fault] = []
        self.archive_faults: dict[str, list[Fault]] = {}
        #: The requested paths, and the User-Agent headers, of MusicBrainz and of the archives.
        self.asked_musicbrainz: list[str] = []
        self.asked_archive: list[str] = []
        self.agents: set[str | None] = set()
        self.too_fast = 0
        self.asked_at = 0.0
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def settings(self) -> dict[str, str]:
        """Return the environment variables for an ingest that uses this server."""
        return {
            "MUSICBRAINZ_URL": self.url,
            "COVER_ART_ARCHIVE_URL": self.url,
            "FETCH_CONTACT": "collector@example.org",
        }

    def asked(self) -> list[str]:
        """Return the paths that were requested since the last call."""
        paths = [*self.asked_musicbrainz, *self.asked_archive]
        self.asked_musicbrainz.clear()
        self.asked_archive.clear()
        return paths


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ReleaseServices

    def do_GET(self) -> None:
        server, parts = self.server, urlsplit(self.path)
        server.agents.add(self.headers["User-Agent"])
        if parts.path == "/ws/2/url":
            server.asked_musicbrainz.append(self.path)
            self._answer_musicbrainz()
        elif parts.path.startswith("/download/"):
            server.asked_archive.append(parts.path)
            self.reply(
                200, server.covers[parts.path.removeprefix("/download/")], {"Content-Type": "image/jpeg"}
            )
        else:
            server.asked_archive.append(parts.path)
            self._answer_archive(parts.path.removeprefix("/"))

    def reply(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def _answer_musicbrainz(self) -> None:
        server = self.server
        now, before = time.monotonic(), server.asked_at
        server.asked_at = now
        if now - before < _INTERVAL_S:
            server.too_fast += 1
            self.reply(503)
        elif server.musicbrainz_faults:
            server.musicbrainz_faults.pop(0)(self)
        else:
            self.look_up()

    def look_up(self) -> None:
        """Answer with the requested addresses that MusicBrainz knows."""
        query = parse_qsl(urlsplit(self.path).query)
        resources, options = [value for name, value in query if name == "resource"], dict(query)
        if len(resources) > _RESOURCES_MAX or (options.get("fmt"), options.get("inc")) != (
            "json",
            "release-rels",
        ):
            self.reply(400)
            return
        # The order of an answer is not the order of the request.
        found = [entity for resource in reversed(resources) if (entity := self._entity(resource)) is not None]
        if len(resources) == 1:
            self._reply_json(*((200, found[0]) if found else (404, {"error": "Not Found"})))
        else:
            self._reply_json(200, {"urls": found, "url-count": len(found), "url-offset": 0})

    def _entity(self, resource: str) -> dict[str, Any] | None:
        number = int(resource.removeprefix(_PAGE))
        if number not in self.server.releases:
            return None
        relations = [
            {
                "type": "discogs",
                "type-id": "4a78823c-1c53-4176-a5f3-58026c76f2bc",
                "target-type": "release",
                "direction": "backward",
                "ended": number in self.server.ended,
                "release": {"id": mbid, "title": "A title", "date": "1999"},
            }
            for mbid in self.server.releases[number]
        ]
        return {"id": mbid_of(resource), "resource": resource, "relations": relations}

    def _reply_json(self, status: int, document: object) -> None:
        self.reply(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})

    def _answer_archive(self, path: str) -> None:
        server = self.server
        entity, _, size = path.rpartition("/")
        if faults := server.archive_faults.get(entity):
            faults.pop(0)(self)
        elif entity in server.covers and size == "front-500":
            self.reply(307, headers={"Location": f"http://localhost:{server.server_port}/download/{entity}"})
        else:
            self.reply(404, b"<!doctype html>", {"Content-Type": "text/html"})


@contextmanager
def release_services() -> Iterator[ReleaseServices]:
    """Run the services on a free port during the `with` body."""
    with ReleaseServices() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
