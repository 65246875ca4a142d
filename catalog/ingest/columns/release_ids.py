"""Reads the ids of releases in MusicBrainz and Discogs, which are written as ids or as addresses of pages."""

import re

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
#: Matches the address of a page, whose path names the kind of the id, such as `release` or `artist`.
_MUSICBRAINZ_PAGE = re.compile(r"musicbrainz\.org/([a-z-]+)/", re.ASCII | re.IGNORECASE)
#: Matches 123, r123 and [r123], and 123.0, because pandas writes numbers so if some cells are empty.
_DISCOGS_ID = re.compile(r"\[?r?([1-9]\d{0,9})(?:\.0)?\]?", re.ASCII | re.IGNORECASE)
#: Matches addresses of releases, but not of master releases.
_DISCOGS_URL = re.compile(r"//(?:www\.|api\.)?discogs\.com/(?:\w\w/)?(?:[^/\s]+/)?releases?/([1-9]\d{0,9})\b")


def musicbrainz_release_id(value: object) -> str | None:
    """Return the MusicBrainz id of a release in a value, or None if the value has none."""
    return _musicbrainz_id(value, "release")


def musicbrainz_release_group_id(value: object) -> str | None:
    """Return the MusicBrainz id of a release group in a value, or None if the value has none."""
    return _musicbrainz_id(value, "release-group")


def _musicbrainz_id(value: object, entity: str) -> str | None:
    if not isinstance(value, str):
        return None
    found, page = _UUID.search(value), _MUSICBRAINZ_PAGE.search(value)
    is_other = page is not None and page[1].lower() != entity
    return None if found is None or is_other else found[0].lower()


def discogs_release_id(value: object) -> int | None:
    """Return the number of the Discogs release in a value, or None if the value has none."""
    text = str(value).strip()
    found = _DISCOGS_ID.fullmatch(text) or _DISCOGS_URL.search(text)
    return None if found is None else int(found[1])
