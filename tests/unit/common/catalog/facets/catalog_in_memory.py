"""A catalog in memory with six albums, which records the columns that are read."""

import threading

from common.catalog.facets.columns import FacetColumns, GenreNames
from common.catalog.facets.parse_sql_result import columns_from_document
from common.filters import Filters

UNKNOWN = -(2**31)
GROUPS = [
    [["rock"], True, "red", "{1994,1999,2000}", "{9.5,10,8.2}"],
    [["rock", "live"], False, "blue", "{1994}", f"{{{UNKNOWN}}}"],
    [["jazz"], False, "red", f"{{{UNKNOWN}}}", "{7.3}"],
    [[None], False, None, "{2001}", "{0}"],
]


class Catalog:
    """A catalog in memory that records which columns are read."""

    def __init__(self, *, empty: bool = False) -> None:
        self.version: str | None = "1"
        self.selections: list[Filters] = []
        self._empty = empty
        self._lock = threading.Lock()

    def facet_columns(self, filters: Filters) -> FacetColumns:
        with self._lock:
            self.selections.append(filters)
        return columns_from_document({"version": self.version, "groups": [] if self._empty else GROUPS})

    def genre_names(self) -> GenreNames:
        return GenreNames({"rock": "Rock", "live": "Live", "jazz": "Jazz"}, self.version)
