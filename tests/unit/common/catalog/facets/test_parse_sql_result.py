"""The document of the SQL function `facet_columns` is read into columns."""

import pytest

from common.catalog.facets.parse_sql_result import columns_from_document
from common.filters import Filters


@pytest.mark.parametrize(
    ("score", "band"),
    [
        ("-3", 0),
        ("11", 9),
        ("1e30", 9),
        ("Infinity", 9),
        ("-Infinity", 0),
        ("9" * 400, 9),
        ("-" + "9" * 400, 0),
    ],
)
def test_a_score_outside_the_range_counts_in_the_nearest_band(score: str, band: int) -> None:
    columns = columns_from_document(
        {"version": "1", "groups": [[["rock"], False, "red", "{1994,1999}", f"{{5,{score}}}"]]}
    )

    scores = dict(columns.scores(Filters()))

    assert scores == {5: 1, band: 1}
    assert columns.total(Filters(min_score=10)) == (band == 9)
