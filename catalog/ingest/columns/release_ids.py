"""Reads the ids of releases in MusicBrainz and Discogs, which are written as ids or as addresses of pages."""

import re

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
#: Matches 123, r123 and [r123], and 123.0, because pandas writes numbers so if some cells are empty.
_DISCOGS_ID = re.compile(r"\[?r?([1-9]\d{0,9})(?:\.0)?\]?", re.ASCII | re.IGNORECASE)
#: Matches addresses of releases, but not of master releases.
_DISCOGS_URL = re.compile(r"//(?:www\.|api\.)?discogs\.com/(?:\w\w/)?(?:[^/\s]+/)?releases?/([1-9]\d{0,9})\b")


def musicbrainz_id(value: object) -> str | None:
    """Return the MusicBrainz id in a value, or None if the value has none."""
    found = _UUID.search(value) if isinstance(value, str) else None
    return None if found is None else found[0].lower()


def discogs_release_id(value: object) -> int | None:
    """Return the number of the Discogs release in a value, or None if the value has none."""
    text = str(value).strip()
    found = _DISCOGS_ID.fullmatch(text) or _DISCOGS_URL.search(text)
    return None if found is None else int(found[1])
