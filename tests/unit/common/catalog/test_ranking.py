"""A page is read from the first albums of a ranking only if these albums are enough."""

import pytest

from common.catalog.ranking import Ranking

IDS = tuple("abcdefgh")
#: An index had missed the album "e", which therefore follows a less similar album.
SIMILARITIES = (900_000, 800_000, 700_000, 290_000, 500_000, 400_000, 300_000, 200_000)


def page(offset: int, k: int, min_similarity: float | None, *, complete: bool) -> str | None:
    found = Ranking(IDS, SIMILARITIES, complete).page(offset=offset, k=k, min_similarity=min_similarity)
    return None if found is None else "".join(found)


@pytest.mark.parametrize(
    ("offset", "k", "min_similarity", "partial", "whole"),
    [
        (0, 3, None, "abcd", "abcd"),
        (4, 3, None, "efgh", "efgh"),
        (5, 3, None, None, "fgh"),
        (8, 3, None, None, ""),
        (0, 4, 0.4, "abcef", "abcef"),
        (0, 5, 0.4, None, "abcef"),
        (0, 5, 0.4000001, None, "abce"),
        # The catalog compares the number as it is written, whatever its number of decimal places.
        (0, 5, 0.4000000001, None, "abce"),
        (0, 7, 0.29, None, "abcdefg"),
        (0, 2, 0.95, None, ""),
        (2, 2, -1.0, "cde", "cde"),
    ],
)
def test_a_page_contains_the_album_after_it_if_there_is_one(
    offset: int, k: int, min_similarity: float | None, partial: str | None, whole: str
) -> None:
    assert page(offset, k, min_similarity, complete=False) == partial
    assert page(offset, k, min_similarity, complete=True) == whole


@pytest.mark.parametrize("millionths", [290_000, 123_457, 999_999, -290_001, 0])
def test_an_album_meets_a_threshold_that_equals_its_similarity(millionths: int) -> None:
    ranking = Ranking(("a",), (millionths,), complete=True)

    assert list(ranking.page(offset=0, k=1, min_similarity=millionths / 1_000_000) or ()) == ["a"]
    assert not ranking.page(offset=0, k=1, min_similarity=millionths / 1_000_000 + 1e-7)
