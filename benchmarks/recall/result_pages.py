"""Pages of a search laid end to end: their recall, their completeness, and their latency by offset."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.harness.measured_figure import Row
from benchmarks.recall.albums import FILTERS, Albums
from benchmarks.recall.synthetic_embeddings import Vectors
from benchmarks.recall.table_rows import RECALL, WHOLE, held_row, row
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.ranking import Ranking
from common.catalog.supabase import SupabaseCatalog
from common.filters import Filters
from local.errors import ServerFailed
from local.servers.postgrest import find_postgrest
from local.servers.supabase import SupabaseConfig, SupabaseServer

POSTGRES, SUPABASE = "postgres", "supabase"


@dataclass(frozen=True, slots=True)
class Paging:
    """The catalog client, the page size, the albums on all pages, and the maximum queries of each kind."""

    client: str
    k: int
    albums: int
    queries: int

    @property
    def name(self) -> str:
        return f"by_{self.k}" if self.client == POSTGRES else f"by_{self.k}.{self.client}"


#: The first pages come from the index, so that they are measured with more queries.
PAGINGS = (
    Paging(POSTGRES, k=10, albums=60, queries=50),
    Paging(POSTGRES, k=50, albums=1000, queries=3),
    Paging(SUPABASE, k=50, albums=1000, queries=1),
)


@dataclass(slots=True)
class _Pages:
    """The pages of several queries."""

    #: For each page, the share of its exact albums that it contains, by query.
    recalls: dict[int, list[float]] = field(default_factory=dict)
    times_ms: dict[int, list[float]] = field(default_factory=dict)
    #: For each query, whether its pages contain every album of the exact ranking exactly once.
    whole: list[bool] = field(default_factory=list)

    @property
    def worst_recall(self) -> float:
        """The mean recall of the page with the lowest mean."""
        return min(float(np.mean(recalls)) for recalls in self.recalls.values())

    def p50_ms(self, offset: int) -> float:
        return float(np.median(self.times_ms[offset]))


def page_rows(
    url: str, albums: Albums, queries: Mapping[str, Vectors], *, folder: Path, timeout_s: float
) -> Iterator[Row]:
    """Measure the pages of every filter; Supabase is measured only if PostgREST is installed.

    As in a worker, the search for a page is given the ranking that the search for an earlier page returned.
    """
    with ExitStack() as stack:
        catalogs: dict[str, Catalog] = {
            POSTGRES: stack.enter_context(closing(PostgresCatalog(url, timeout_s=timeout_s, connections=1)))
        }
        if _has_postgrest():
            server = stack.enter_context(SupabaseServer(SupabaseConfig(folder, url)))
            catalogs[SUPABASE] = stack.enter_context(
                closing(SupabaseCatalog(server.url, server.service_key, timeout_s=timeout_s, connections=1))
            )
        for case, filters in FILTERS.items():
            passing = albums.passing(filters)
            for kind, vectors in queries.items():
                for paging in PAGINGS:
                    if paging.client not in catalogs:
                        continue
                    some = vectors[: paging.queries]
                    truth = albums.nearest(some, k=paging.albums, passing=passing)
                    pages = _read_pages(catalogs[paging.client], some, truth, k=paging.k, filters=filters)
                    yield from _rows(f"{len(albums)}.{case}.{kind}.{paging.name}", pages, k=paging.k)


def _has_postgrest() -> bool:
    try:
        find_postgrest()
    except ServerFailed:
        return False
    return True


def _read_pages(
    catalog: Catalog, queries: Vectors, truth: Sequence[Sequence[str]], *, k: int, filters: Filters
) -> _Pages:
    pages = _Pages()
    for query, best in zip(queries, truth, strict=True):
        found: list[str] = []
        known: Ranking | None = None
        for offset in range(0, len(best), k):
            began = time.perf_counter()
            page = catalog.search(query, k=k, offset=offset, filters=filters, known=known)
            pages.times_ms.setdefault(offset, []).append((time.perf_counter() - began) * 1000)
            known = page.ranking or known
            expected = {*best[offset : offset + k]}
            ids = [match.album.id for match in page]
            pages.recalls.setdefault(offset, []).append(len(expected & {*ids}) / len(expected))
            found += ids
        # An album at the end of the last page may change places with an album of the same similarity.
        whole = len(found) == len({*found}) == len(best) and {*best[: len(best) - k]} <= {*found}
        pages.whole.append(whole)
    return pages


def _rows(case: str, pages: _Pages, *, k: int) -> Iterator[Row]:
    lowest = {offset: np.mean(recalls) for offset, recalls in pages.recalls.items() if np.mean(recalls) < 1}
    below = "; ".join(f"{recall:.3f} at offset {offset}" for offset, recall in sorted(lowest.items()))
    note = f"pages of {k} with a mean recall below 1: {below or 'none'}"
    yield held_row(f"catalog.pages.{case}.recall", pages.worst_recall, RECALL, note=note)
    note = f"of {len(pages.whole)} queries"
    yield held_row(f"catalog.pages.{case}.whole", float(np.mean(pages.whole)), WHOLE, note=note)
    for offset in (0, k, 2 * k, 5 * k, 10 * k, 19 * k):
        if offset in pages.times_ms:
            yield row(f"catalog.pages.{case}.offset_{offset}.p50", pages.p50_ms(offset), "ms")
