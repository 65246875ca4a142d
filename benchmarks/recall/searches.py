"""Run one kind of search many times, and measure its recall, latency and plans."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.recall.query_plans import PlanReader
from benchmarks.recall.synthetic_embeddings import Vectors
from common.catalog.postgres import PostgresCatalog
from common.catalog.row_mapping import vector_literal
from common.filters import Filters, filters_document

#: Every fifth query is scanned exactly, because an exact scan of 150,000 albums is slow.
SCAN_EVERY = 5
PLANNED_QUERIES = 20

_SCAN = """
SELECT a.id FROM album_covers a
WHERE album_passes(a.genre, a.genre_keys, a.artist, a.artist_key, a.release_year, a.pitchfork_score,
                   a.best_new_music, a.metadata, a.colour_cells, %(wanted)s::album_filter)
ORDER BY (a.embedding <=> %(query)s::vector) + 0 LIMIT %(k)s
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """The album ids that each search returned, and the time of each search."""

    ids: list[list[str]] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    def add(self, ids: list[str], took_s: float) -> None:
        self.ids.append(ids)
        self.times_ms.append(took_s * 1000)

    def quantile_ms(self, quantile: float) -> float:
        return float(np.quantile(self.times_ms, quantile))

    def recall(self, truth: Sequence[Sequence[str]]) -> float:
        """Return the mean share of the exact results that the searches found."""
        shares = [len(set(a) & set(b)) / len(b) for a, b in zip(self.ids, truth, strict=True)]
        return float(np.mean(shares))


@dataclass(frozen=True, slots=True)
class Asked:
    """The searches of all queries, and the exact scans of every fifth query."""

    searched: Answered
    scanned: Answered

    @property
    def search_over_scan(self) -> float:
        """The median, over the scanned queries, of the search's time divided by the exact scan's time."""
        pairs = zip(self.searched.times_ms[::SCAN_EVERY], self.scanned.times_ms, strict=True)
        return float(np.median([search / scan for search, scan in pairs]))


class Asker:
    """Sends queries one after another like a worker, and runs an exact scan in SQL for every fifth query.

    An exact scan uses one process and possibly a B-tree index for the filters, but not the HNSW index.
    """

    def __init__(self, catalog: PostgresCatalog, scanning: psycopg.Connection[tuple[str]]) -> None:
        self._catalog = catalog
        self._scanning = scanning
        scanning.execute("SET max_parallel_workers_per_gather = 0")

    def ask(self, queries: Vectors, *, k: int, filters: Filters) -> Asked:
        asked = Asked(Answered(), Answered())
        # Read in advance, because the planner uses a condition only if its value is constant.
        row = self._scanning.execute("SELECT read_filters(%s)::text", [_json(filters)]).fetchone()
        values = {"wanted": row and row[0], "k": k}
        for number, query in enumerate(queries):
            began = time.perf_counter()
            matches = self._catalog.search(query, k=k, filters=filters)
            asked.searched.add([match.album.id for match in matches], time.perf_counter() - began)
            if number % SCAN_EVERY == 0:
                began = time.perf_counter()
                rows = self._scanning.execute(_SCAN, {**values, "query": vector_literal(query)}).fetchall()
                asked.scanned.add([row[0] for row in rows], time.perf_counter() - began)
        return asked


def plans_of(reader: PlanReader, queries: Vectors, *, k: int, filters: Filters) -> str:
    """Return how often PostgreSQL chose each plan for the first queries."""
    fixed = {"match_count": k, "filters": _json(filters)}
    names = ["query_embedding", *fixed]
    call = sql.SQL("SELECT * FROM search_albums({})").format(
        sql.SQL(", ").join(sql.SQL("{} => {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in names)
    )
    ways = Counter(
        reader.plan(call, {"query_embedding": vector_literal(query), **fixed})
        for query in queries[:PLANNED_QUERIES]
    )
    return "; ".join(f"{times} of {ways.total()}: {way}" for way, times in ways.most_common())


def _json(filters: Filters) -> Jsonb:
    return Jsonb(filters_document(filters))
