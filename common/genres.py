"""When two spellings are one genre: any case, Unicode form and width, any blanks.

`genre_key` of the catalog's SQL (catalog/schema/001_genres.sql) tells the same apart, or a little more in
scripts that it does not know.
"""

import unicodedata

#: The longest that a search asks for, and so the longest that an ingest takes.
GENRE_MAX_CHARS = 100


def genre_key(name: str) -> str:
    """Return what all spellings of a genre have in common; empty where nothing is named."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
