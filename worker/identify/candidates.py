"""Merges rankings of albums into one list of candidates for verification."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

#: The number of candidates that are verified at most.
MOST_CANDIDATES = 50

_Key = TypeVar("_Key", bound=Hashable)


def merge_rankings(rankings: Sequence[Sequence[_Key]], *, most: int = MOST_CANDIDATES) -> list[_Key]:
    """Return at most `most` different albums: the first of each ranking, then the second of each."""
    longest = max(map(len, rankings), default=0)
    in_turn = (ranking[rank] for rank in range(longest) for ranking in rankings if rank < len(ranking))
    return list(dict.fromkeys(in_turn))[:most]
