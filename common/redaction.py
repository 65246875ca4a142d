"""What a sentence for others leaves out: folders of this machine, and credentials in addresses."""

import re

#: Two names or more from the root; not the path of an address, nor that of an endpoint such as /api/genres.
_FOLDERS = re.compile(r"(?<![\w.:/~-])(?:~|/(?!api/|docs/|app/)[\w.@+-]+)(?:/[\w.@+-]+)*/(?=[\w.@+-])")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")


def without_places(sentence: str) -> str:
    """Return a sentence in which a path is its last name, and an address names no user."""
    return _FOLDERS.sub("…/", _CREDENTIALS.sub("…@", sentence))
