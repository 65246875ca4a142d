"""The cursor of a list of albums: the encoded position of a page's last album.

A cursor also contains a hash of the query, so that a cursor of another query is refused.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import astuple
from typing import Any

import orjson

from common.catalog.protocol import NamePosition
from common.errors import InvalidParameter

#: The length of the longest possible cursor, rounded up.
CURSOR_MAX_CHARS = 8000
CURSOR_PATTERN = "^[A-Za-z0-9_-]+$"
_RANK_MAX, _DIFFERENCE_MAX = 6, 1_000_000


def encode(position: NamePosition, *, query: str | None) -> str:
    """Return the cursor of the page after a position."""
    fields = [_hash(query), *astuple(position)]
    return base64.urlsafe_b64encode(orjson.dumps(fields)).rstrip(b"=").decode()


def decode(cursor: str, *, query: str | None) -> NamePosition:
    """Return the position of a cursor.

    Raises:
        InvalidParameter: the cursor does not come from a list of albums, or comes from another query's list.
    """
    has_form = re.fullmatch(CURSOR_PATTERN, cursor) is not None
    position = _position(_fields(cursor), query) if has_form else None
    if position is None:
        raise InvalidParameter("cursor is not the next_cursor of an answer to the same q", parameter="cursor")
    return position


def _fields(cursor: str) -> Any:
    try:
        return orjson.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError):
        return None


def _position(fields: object, query: str | None) -> NamePosition | None:
    match fields:
        case [str(query_hash), int(rank), int(difference), str(name), str(album_id)] if (
            query_hash == _hash(query)
            # The pattern `int(…)` also matches `True`, which the catalogs refuse or read as 1.
            and type(rank) is int
            and type(difference) is int
            and 0 <= rank <= _RANK_MAX
            and -1 <= difference <= _DIFFERENCE_MAX
            and "\0" not in name + album_id
        ):
            return NamePosition(rank, difference, name, album_id)
        case _:
            return None


def _hash(query: str | None) -> str:
    return hashlib.sha256((query or "").encode()).hexdigest()[:8]
