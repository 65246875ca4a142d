"""The normalized key of a genre name: case, Unicode form, character width and white space do not matter.

The SQL function `genre_key` (catalog/schema/001_genres.sql) does the same, except that in some scripts it
keeps spellings apart that this function treats as equal.
"""

import unicodedata

#: Maximum length of a genre in a search, and therefore in an ingest.
GENRE_MAX_CHARS = 100


def genre_key(name: str) -> str:
    """Return a key that is equal for all spellings of a genre; empty if the name is blank."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
