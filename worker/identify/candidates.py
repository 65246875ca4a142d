"""Merges rankings of albums into one list of candidates for verification."""

from collections.abc import Hashable, Sequence
from itertools import zip_longest
from typing import TypeVar

#: The number of candidates that are verified at most.
MOST_CANDIDATES = 50

_Key = TypeVar("_Key", bound=Hashable)


def merge_rankings(rankings: Sequence[Sequence[_Key]], *, most: int = MOST_CANDIDATES) -> list[_Key]:
    """Return at most `most` different albums: the first of each ranking, then the second of each, and so on."""
    missing = object()
    merged: dict[_Key, None] = {}
    for row in zip_longest(*rankings, fillvalue=missing):
        for key in row:
            if key is not missing and len(merged) < most:
                merged.setdefault(key)
    return list(merged)
