"""The JSON of a search result, which the worker writes and the gateway sends without parsing it.

The JSON begins with `RESULT_PREFIX`; in this prefix, the gateway replaces `null` with the id of the client's
job. An answer from the cache keeps the `null`, because there is no job for this answer.
"""

from collections.abc import Sequence

import orjson

from common.catalog.protocol import Album, Match
from common.jobs import Timings
from common.search_query import QueryType
from common.thumbnails import thumbnail_urls

RESULT_PREFIX = b'{"job_id":null,'


def result_json(
    matches: Sequence[Match],
    *,
    named: Sequence[Album] = (),
    query_type: QueryType,
    model: str,
    timings: Timings,
    truncated: bool = False,
    public_url: str | None = None,
    has_thumbnails: bool = False,
) -> bytes:
    """Return the result object of the HTTP API.

    `named` contains the albums whose name is the text of the search. `truncated` tells whether a text was cut
    to the model's maximum length; `public_url` is prepended to relative cover URLs and to thumbnail URLs.
    `has_thumbnails` tells whether the service serves thumbnails.
    """
    body = orjson.dumps(
        {
            "success": True,
            "query_type": query_type,
            "total_results": len(matches),
            "truncated": truncated,
            "results": [_match_document(match, public_url, has_thumbnails) for match in matches],
            "named": [_album_document(album, public_url, has_thumbnails) for album in named],
            "model": model,
            "timings_ms": timings.as_document(),
        }
    )
    return RESULT_PREFIX + body[1:]


def with_job_id(result: bytes, job_id: str) -> bytes:
    """Return the JSON of a result in which a job id replaces the `null` of `RESULT_PREFIX`."""
    return b'{"job_id":"' + job_id.encode() + b'",' + result.removeprefix(RESULT_PREFIX)


def complete_cover_url(cover_url: str | None, public_url: str | None) -> str | None:
    """Return the cover's URL; if it is a path on the gateway, `public_url` is prepended."""
    if cover_url is None or public_url is None or not cover_url.startswith("/"):
        return cover_url
    return public_url + cover_url


def _match_document(match: Match, public_url: str | None, has_thumbnails: bool) -> dict[str, object]:
    album = _album_document(match.album, public_url, has_thumbnails)
    return {**album, "similarity": round(match.similarity, 6)}


def _album_document(album: Album, public_url: str | None, has_thumbnails: bool) -> dict[str, object]:
    thumbnails = album.thumbnails if has_thumbnails else None
    return {
        "id": album.id,
        "artist": album.artist,
        "album_name": album.album_name,
        "genre": album.genre,
        "genres": album.genres,
        "release_year": album.release_year,
        "pitchfork_score": album.pitchfork_score,
        "best_new_music": album.best_new_music,
        "cover_url": complete_cover_url(album.cover_url, public_url),
        "thumbnail_urls": thumbnail_urls(thumbnails, public_url),
    }
