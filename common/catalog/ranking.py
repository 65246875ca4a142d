"""The first albums of a search's ranking, from which pages are read without another scan of the catalog."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

#: The number of albums in the longest ranking: one more than the pages of a search can contain.
RANKING_MAX = 1001
#: The number of units in a similarity of 1; a unit is the last decimal place of similarities in results.
MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first albums of a ranking, in the ranking's order; no minimum similarity is applied."""

    ids: tuple[str, ...]
    #: The similarity of each album, in millionths.
    similarities: tuple[int, ...]
    #: Whether no further album follows, or whether there are `RANKING_MAX` albums.
    complete: bool

    def page(self, *, offset: int, k: int, min_similarity: float | None) -> Sequence[str] | None:
        """Return the ids of a page, and the id of the album after the page if there is one.

        Return None if these albums are not all known.
        """
        ids: Sequence[str] = self.ids
        if min_similarity is not None:
            # SQL reads the text of the number as `numeric`; the product of floats may differ slightly.
            lowest = math.ceil(Decimal(str(min_similarity)) * MILLIONTHS)
            pairs = zip(self.ids, self.similarities, strict=True)
            ids = [album_id for album_id, similarity in pairs if similarity >= lowest]
        end = offset + k + 1
        return ids[offset:end] if self.complete or len(ids) >= end else None
