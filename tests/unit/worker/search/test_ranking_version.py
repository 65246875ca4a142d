"""Rankings that were made with another image preprocessing are not used."""

from common.search_query import RANKING_VERSION
from worker.decode.preprocessing_version import PREPROCESSING_VERSION


def test_the_version_of_rankings_is_increased_with_the_preprocessing() -> None:
    # The gateway computes the key of a ranking, too, but does not know the preprocessing. If this test fails,
    # increase RANKING_VERSION, and then write the new versions here.
    assert (RANKING_VERSION, PREPROCESSING_VERSION) == (1, 2)
