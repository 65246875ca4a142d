"""Reads the document that the SQL function `facet_columns` returns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from common.catalog.facets.columns import AlbumGroup, FacetColumns

#: The value that stands for an unknown score in the document; unknown years have the same value.
_UNKNOWN_SCORE = np.iinfo(np.int32).min


def columns_from_document(document: Mapping[str, Any]) -> FacetColumns:
    """Return the columns of the albums in the document."""
    rows = document["groups"]
    years = [_numbers(row[3]) for row in rows]
    scores = _joined([_numbers(row[4]) for row in rows])
    return FacetColumns(
        version=document["version"],
        groups=[
            AlbumGroup(tuple(key for key in keys if key), best, colour) for keys, best, colour, _, _ in rows
        ],
        group_of_album=np.repeat(np.arange(len(rows)), [len(each) for each in years]),
        years=_joined(years).astype(np.int32),
        scores=np.where(scores == _UNKNOWN_SCORE, np.nan, scores),
    )


def _numbers(array: str) -> npt.NDArray[np.float64]:
    """Read PostgreSQL's text form of an array of numbers, such as `{1,2}`."""
    try:
        return np.array(orjson.loads(f"[{array[1:-1]}]"), dtype=np.float64)
    except orjson.JSONDecodeError:
        # The schema of an earlier release returns scores that are infinite or too large for a float.
        return np.array([float(number) for number in array[1:-1].split(",")], dtype=np.float64)


def _joined(arrays: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.concatenate(arrays) if arrays else np.empty(0)
