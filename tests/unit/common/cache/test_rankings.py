"""Rankings in the cache keep their albums, take little memory, and are checked."""

import hashlib
import random
import zlib

import pytest

from common.cache.rankings import RANKING_MARK, packed_ranking, ranking_in
from common.cache.results import EMBEDDING_MARK, pack
from common.catalog.ranking import RANKING_MAX, Ranking

FEW = Ranking(("a", "Ω" * 500, ""), (1_000_000, -3, 7), complete=False)


def many() -> Ranking:
    """Return a ranking of the greatest length with ids that hardly compress."""
    ids = tuple(hashlib.sha256(b"%d" % number).hexdigest()[:32] for number in range(RANKING_MAX))
    similarities = sorted(random.Random(number).randrange(10**6) for number in range(RANKING_MAX))
    return Ranking(ids, tuple(reversed(similarities)), complete=True)


@pytest.mark.parametrize(
    "ranking", [FEW, many(), Ranking((), (), complete=True)], ids=["few", "many", "none"]
)
def test_a_ranking_is_read_as_it_was_written(ranking: Ranking) -> None:
    assert ranking_in(packed_ranking(ranking)) == ranking


def test_the_longest_ranking_takes_less_than_25_kilobytes() -> None:
    assert len(packed_ranking(many())) < 25_000


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"K1",
        packed_ranking(FEW)[:-1],
        packed_ranking(FEW) + b" ",
        pack(EMBEDDING_MARK, bytes(2048)),
        pack(RANKING_MARK, b""),
        pack(RANKING_MARK, b"C no compressed data"),
        pack(RANKING_MARK, b"C" + zlib.compress(b"no JSON")),
        pack(RANKING_MARK, b"C" + zlib.compress(b"[1,2]")),
        pack(RANKING_MARK, b"C" + zlib.compress(b'[["a","b"],[1,"2"]]')),
    ],
)
def test_a_damaged_ranking_counts_as_missing(entry: bytes) -> None:
    assert ranking_in(entry) is None
