"""The location of a cover that is known only by the ids of its release.

A location is a text such as `musicbrainz:release/MBID musicbrainz:release-group/MBID discogs:release/NUMBER`.
"""

from collections.abc import Mapping
from typing import TypeGuard

from catalog.ingest.columns.fields import DISCOGS_RELEASE, MUSICBRAINZ_RELEASE, MUSICBRAINZ_RELEASE_GROUP
from catalog.ingest.columns.release_ids import (
    discogs_release_id,
    musicbrainz_release_group_id,
    musicbrainz_release_id,
)

_MUSICBRAINZ, _DISCOGS = "musicbrainz:", "discogs:release/"


def release_location(metadata: Mapping[str, object]) -> str | None:
    """Return the location of an album's cover, or None if the metadata has no id of a release."""
    release = musicbrainz_release_id(metadata.get(MUSICBRAINZ_RELEASE))
    group = musicbrainz_release_group_id(metadata.get(MUSICBRAINZ_RELEASE_GROUP))
    discogs = discogs_release_id(metadata.get(DISCOGS_RELEASE))
    parts = [
        *([f"{_MUSICBRAINZ}release/{release}"] if release else []),
        *([f"{_MUSICBRAINZ}release-group/{group}"] if group else []),
        *([f"{_DISCOGS}{discogs}"] if discogs else []),
    ]
    return " ".join(parts) or None


def is_release_location(cover: str | None) -> TypeGuard[str]:
    """Return whether a location has ids of releases, and is neither a file name nor a URL."""
    return cover is not None and cover.startswith((_MUSICBRAINZ, _DISCOGS))


def archive_paths(location: str) -> list[str]:
    """Return the paths of the MusicBrainz ids in the Cover Art Archive, such as `release/MBID`."""
    return [part.removeprefix(_MUSICBRAINZ) for part in location.split() if part.startswith(_MUSICBRAINZ)]


def discogs_release(location: str) -> int | None:
    """Return the number of the Discogs release, or None if the location has none."""
    numbers = (part.removeprefix(_DISCOGS) for part in location.split() if part.startswith(_DISCOGS))
    return next(map(int, numbers), None)
