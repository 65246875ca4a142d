"""The JSON of a search result, which the worker writes and the gateway sends without parsing it.

The JSON begins with `RESULT_PREFIX`; in this prefix, the gateway replaces `null` with the id of the client's
job. An answer from the cache keeps the `null`, because there is no job for this answer.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import TypedDict

import orjson

from common.catalog.facets.counts import Facets, facets_document
from common.catalog.protocol import Album, Matches
from common.jobs import Timings
from common.search_query import Included, SearchQuery
from common.thumbnails import thumbnail_urls

RESULT_PREFIX = b'{"job_id":null,'
#: The decimal places of a similarity. The SQL function `search_albums` compares `min_similarity` with
#: similarities that are rounded in the same way.
SIMILARITY_DIGITS = 6
#: The groups of the visual vocabulary.
WORD_GROUPS = ("colour", "tone", "object", "composition", "style")


class PartContribution(TypedDict):
    """The contribution of a part of the query, given by its position, to the similarity of a result."""

    part: int
    contribution: float


class ClosestWord(TypedDict):
    """A word of the visual vocabulary, its similarity to a cover, and the group of the word."""

    word: str
    similarity: float
    group: str


class Explanation(TypedDict):
    """Why an album is a result, as JSON values; numbers are rounded to `SIMILARITY_DIGITS`."""

    #: One element for each part of the query, in the order of the parts.
    parts: list[PartContribution]
    #: The words closest to the cover, the most similar first.
    words: list[ClosestWord]


def result_json(
    matches: Matches,
    *,
    query: SearchQuery,
    model: str,
    timings: Timings,
    truncated: bool = False,
    public_url: str | None = None,
    has_thumbnails: bool = False,
    explanations: Sequence[Explanation] | None = None,
    facets: Facets | None = None,
) -> bytes:
    """Return the result object of the HTTP API.

    `truncated` tells whether a text was cut to the model's maximum length; `public_url` is prepended to
    relative cover URLs and to thumbnail URLs. `has_thumbnails` tells whether the service serves thumbnails.
    `explanations` has one element for each match if the query asks for explanations. `facets` is given only
    if the query asks for facets.
    """
    show = partial(album_document, public_url=public_url, has_thumbnails=has_thumbnails)
    results = [
        show(match.album, include=query.include) | {"similarity": round(match.similarity, SIMILARITY_DIGITS)}
        for match in matches
    ]
    if explanations is not None:
        for result, explanation in zip(results, explanations, strict=True):
            result["explain"] = explanation
    document: dict[str, object] = {
        "success": True,
        "query_type": query.type,
        "requested": query.k,
        "total_results": len(matches),
        "exhausted": matches.exhausted,
        "truncated": truncated,
        "results": results,
        "named": [show(album, include=()) for album in matches.named],
        "model": model,
        "timings_ms": timings.as_document(),
    }
    if matches.without_palette is not None:
        document["albums_without_palette"] = matches.without_palette
    if facets is not None:
        document["facets"] = facets_document(facets)
    return RESULT_PREFIX + orjson.dumps(document)[1:]


def with_job_id(result: bytes, job_id: str) -> bytes:
    """Return the JSON of a result in which a job id replaces the `null` of `RESULT_PREFIX`."""
    return b'{"job_id":"' + job_id.encode() + b'",' + result.removeprefix(RESULT_PREFIX)


def complete_cover_url(cover_url: str | None, public_url: str | None) -> str | None:
    """Return the cover's URL; if it is a path on the gateway, `public_url` is prepended."""
    if cover_url is None or public_url is None or not cover_url.startswith("/"):
        return cover_url
    return public_url + cover_url


def album_document(
    album: Album, *, include: Collection[Included], public_url: str | None, has_thumbnails: bool
) -> dict[str, object]:
    """Return an album as the HTTP API shows it, with the additional fields in `include`."""
    thumbnails = album.thumbnails if has_thumbnails else None
    document: dict[str, object] = {
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
    if "metadata" in include:
        document["metadata"] = orjson.Fragment(album.metadata)
        if album.metadata_omitted is not None:
            document["metadata_omitted"] = album.metadata_omitted
    if "reviewer" in include:
        document["reviewer"] = album.reviewer
    return document
