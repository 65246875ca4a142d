"""Measure the time of counting facets, in catalogs of two sizes, against counts in SQL."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.recall.albums import (
    COLOURS,
    FIRST_YEAR,
    FORMATS,
    FREQUENT_ARTIST,
    GENRES,
    LABELS,
    OTHER_ARTISTS,
    YEARS,
    Albums,
)
from benchmarks.recall.catalog_load_time import copy_albums
from catalog.database.migrations import apply_migrations
from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.counts import Facets
from common.catalog.postgres import PostgresCatalog
from common.colours.names import main_colour
from common.colours.palette import Palette
from common.filters import Filters
from common.genres import genre_key

SIZES = (15_000, 150_000)
NAMES = (*(f"facets.{size}.p95_ms" for size in SIZES), f"facets.{SIZES[1]}.after_change_ms")
QUICK_SIZES = (300, 600)
#: The seeds of the albums and of the filters.
SEED, FILTERS_SEED = 20261127, 271828
#: The number of requests whose filters a client has not sent before, and of changes of the catalog.
REQUESTS, CHANGES = 400, 10
_GROUPING_SETS = """
SELECT a.genre, a.release_year / 10, floor(a.pitchfork_score), a.best_new_music, a.main_colour, count(*)
FROM album_covers a
GROUP BY GROUPING SETS ((a.genre), (a.release_year / 10), (floor(a.pitchfork_score)), (a.best_new_music),
                        (a.main_colour))
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Count with many different filters, and after changes of the catalog."""
    for told, size in zip(SIZES, QUICK_SIZES if bench.quick else SIZES, strict=True):
        albums = Albums(size, seed=SEED)
        url = _loaded(bench, albums)
        with closing(PostgresCatalog(url, timeout_s=60, connections=1)) as catalog:
            counter = FacetCounter(catalog)
            after_change_ms = _after_changes(url, catalog, counter, changes=bench.pick(CHANGES, 2))
            times_ms, exact = _with_filters(catalog, counter, albums, bench.pick(REQUESTS, 10))
        every = [time_ms for kind in times_ms.values() for time_ms in kind]
        kinds = ", ".join(f"{kind} {np.quantile(kind_ms, 0.95):.0f}" for kind, kind_ms in times_ms.items())
        note = f"p50 {np.median(every):.1f} ms; p95 {kinds}; GROUPING SETS {_grouping_sets_ms(url):.0f} ms"
        yield Figure(f"facets.{told}.p95_ms", float(np.quantile(every, 0.95)), note, holds=exact)
    note = f"median of {len(after_change_ms)} changes"
    yield Figure(f"facets.{SIZES[1]}.after_change_ms", float(np.median(after_change_ms)), note)


def _loaded(bench: Bench, albums: Albums) -> str:
    """Return the URL of a catalog without a vector index, which facets do not need."""
    name = f"facets_{len(albums)}"
    with psycopg.connect(bench.postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = bench.postgres.url(name)
    apply_migrations(url)
    with psycopg.connect(url, autocommit=True) as connection:
        # Index-only scans need pages that VACUUM has marked as visible to all. VACUUM marks only pages whose
        # commits are flushed, and this server flushes commits late by default.
        connection.execute("SET synchronous_commit = on")
        connection.execute("DROP INDEX album_covers_embedding_hnsw")
        copy_albums(connection, albums)
        connection.execute("VACUUM (ANALYZE) album_covers")
    return url


def _after_changes(url: str, catalog: PostgresCatalog, counter: FacetCounter, *, changes: int) -> list[float]:
    times_ms = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(changes):
            connection.execute("UPDATE album_covers SET reviewer = 'R' WHERE id = 'album-000000'")
            version = catalog.version()
            began = time.perf_counter()
            counter.count(Filters(), version=version)
            times_ms.append((time.perf_counter() - began) * 1000)
    return times_ms


def _with_filters(
    catalog: PostgresCatalog, counter: FacetCounter, albums: Albums, requests: int
) -> tuple[dict[str, list[float]], bool]:
    """Return the times of the requests by kind of filter, and whether every count was exact."""
    draw = np.random.default_rng(FILTERS_SEED)
    times_ms: dict[str, list[float]] = {}
    exact = True
    version = catalog.version()
    counter.count(Filters(), version=version)
    for _ in range(requests):
        filters = _random_filters(draw)
        began = time.perf_counter()
        facets = counter.count(filters, version=version)
        times_ms.setdefault(_kind(filters), []).append((time.perf_counter() - began) * 1000)
        exact &= _is_exact(facets, albums, filters)
    return times_ms, exact


def _kind(filters: Filters) -> str:
    """Return which of the filters that only the database can apply is given."""
    if filters.color is not None:
        return "colour"
    if filters.artists:
        return "artist"
    return "metadata" if filters.metadata else "others"


def _random_filters(draw: np.random.Generator) -> Filters:
    """Return filters like a client's; a quarter has a filter that only the database can apply."""
    names = [name for name, _ in GENRES]
    year = FIRST_YEAR + int(draw.integers(0, YEARS))
    filters = Filters(
        genres=tuple(draw.choice(names, int(draw.integers(0, 3)), replace=False).tolist()),
        year_min=year if draw.random() < 0.5 else None,
        year_max=year + 10 if draw.random() < 0.5 else None,
        min_score=int(draw.integers(0, 101)) / 10 if draw.random() < 0.3 else None,
        best_new_music=bool(draw.random() < 0.2),
    )
    kind = draw.random()
    if kind < 0.1:
        return replace(filters, color=str(draw.choice([colour for colour, _ in COLOURS])))
    if kind < 0.2:
        frequent = draw.random() < 0.1
        artist = FREQUENT_ARTIST if frequent else f"Artist {draw.integers(0, OTHER_ARTISTS)}"
        return replace(filters, artists=(artist,))
    if kind < 0.25:
        formats = [name for name, _ in FORMATS]
        label = ("label", f"Label {draw.integers(0, LABELS)}")
        return replace(
            filters, metadata=(("format", str(draw.choice(formats))),) if draw.random() < 0.2 else (label,)
        )
    return filters


def _is_exact(facets: Facets, albums: Albums, filters: Filters) -> bool:
    """Return whether every count equals the count in the columns from which the catalog was written."""
    genres = _passing(albums, replace(filters, genres=()))
    years = _passing(albums, replace(filters, year_min=None, year_max=None))
    scores = _passing(albums, replace(filters, min_score=None))
    best = albums.best_new_music[_passing(albums, replace(filters, best_new_music=False))]
    colours = _passing(albums, replace(filters, color=None))
    names = Counter(genre_key(name) for index in genres for name in set(albums.all_genres(index)))
    return (
        facets.total == len(_passing(albums, filters))
        and {genre_key(name or ""): count for name, count in facets.genres} == names
        and dict(facets.decades) == Counter((albums.years[years] // 10 * 10).tolist())
        and dict(facets.scores) == Counter(np.minimum(albums.score_tenths[scores] // 10, 9).tolist())
        and (facets.best_new_music, facets.not_best_new_music) == (best.sum(), (~best).sum())
        and dict(facets.colours) == Counter(_main_colour(albums, index) for index in colours)
    )


def _passing(albums: Albums, filters: Filters) -> npt.NDArray[np.int64]:
    return np.flatnonzero(albums.passing(filters))


def _main_colour(albums: Albums, index: int) -> str | None:
    palette = albums.palette(index)
    return None if palette is None else _name_of(palette)


@cache
def _name_of(palette: Palette) -> str | None:
    return main_colour(palette)


def _grouping_sets_ms(url: str) -> float:
    """Return the median time in which PostgreSQL alone counts all albums."""
    times_ms = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute(
            "CREATE INDEX facets_covering ON album_covers (release_year) "
            "INCLUDE (genre, pitchfork_score, best_new_music, main_colour)"
        )
        connection.execute("VACUUM album_covers")
        for _ in range(7):
            began = time.perf_counter()
            connection.execute(_GROUPING_SETS).fetchall()
            times_ms.append((time.perf_counter() - began) * 1000)
    return float(np.median(times_ms))
