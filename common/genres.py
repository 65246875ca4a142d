"""The normalized key of a genre name, which ignores case, Unicode form, character width and white space.

The SQL function `genre_key` (catalog/schema/001_genres.sql) returns the same key, except for spellings in
some scripts that only the SQL function distinguishes.
"""

import unicodedata

#: Maximum number of characters of a genre, in a search and therefore also in an ingest.
GENRE_MAX_CHARS = 100


def genre_key(name: str) -> str:
    """Return a key that is equal for all spellings of a genre; the key of a blank name is empty."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
