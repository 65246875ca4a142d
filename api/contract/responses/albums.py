"""Models of albums and lists of albums."""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.requests.album_list import CURSOR_EXAMPLE
from api.contract.responses.shared_schema import with_example
from common.album_metadata import METADATA_MAX_BYTES, METADATA_MAX_LEVELS, MetadataOmission
from common.catalog.protocol import NameMatch
from common.thumbnails import file_name

ALBUM_EXAMPLE: dict[str, Any] = {
    "id": "585",
    "artist": "Pink Floyd",
    "album_name": "The Dark Side of the Moon",
    "genre": "Rock",
    "genres": ["Rock", "Experimental"],
    "release_year": 1973,
    "pitchfork_score": 10.0,
    "best_new_music": False,
    "cover_url": "https://example.com/covers/585.jpg",
    "thumbnail_urls": {
        "256": f"https://example.com/thumbnails/{file_name(hashlib.sha256(b'256').hexdigest())}",
        "512": f"https://example.com/thumbnails/{file_name(hashlib.sha256(b'512').hexdigest())}",
    },
}


class Album(BaseModel):
    """One album."""

    model_config = with_example(ALBUM_EXAMPLE)

    id: str
    artist: str
    album_name: str
    genre: str | None
    genres: list[str]
    release_year: int | None
    pitchfork_score: float | None
    best_new_music: bool
    cover_url: str | None
    thumbnail_urls: Annotated[
        dict[Literal["256", "512"], str] | None,
        Field(
            description="WebP pictures of the cover by the length of their longest edge in pixels; smaller "
            "covers are not enlarged. Null if the service has no thumbnails of this cover. "
            "Workers of an earlier release leave this field out."
        ),
    ] = None
    metadata: Annotated[
        dict[str, Any],
        Field(
            description="Only with `include=metadata`: the keys of the metadata that the service publishes.",
            default_factory=dict,
        ),
    ]
    metadata_omitted: Annotated[
        MetadataOmission | None,
        Field(
            description="Why `metadata` is empty although the album has metadata: `too_large` (more than "
            f"{METADATA_MAX_BYTES} bytes of JSON, or more than {METADATA_MAX_LEVELS} levels), or "
            "`not_an_object`. Absent if nothing was left out."
        ),
    ] = None
    reviewer: Annotated[str | None, Field(description="Only with `include=reviewer`.")] = None


class FoundAlbum(Album):
    """One album of a list."""

    model_config = with_example({**ALBUM_EXAMPLE, "match": "words"})

    match: Annotated[
        NameMatch | None,
        Field(
            description="How `q` matches. `exact`: it is the artist, the title or both. `prefix`: artist or "
            "title begin with it. `words`: artist and title contain all its words. `similar`: they contain "
            "similar words. Null without `q`."
        ),
    ]


class AlbumList(BaseModel):
    """One page of albums, the best match first; without `q` in the order of their ids."""

    model_config = with_example(
        {"success": True, "albums": [{**ALBUM_EXAMPLE, "match": "words"}], "next_cursor": CURSOR_EXAMPLE}
    )

    success: Literal[True] = True
    albums: list[FoundAlbum]
    next_cursor: Annotated[
        str | None, Field(description="The `cursor` of the next page; null on the last page.")
    ]
