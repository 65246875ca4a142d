"""The benchmark family `recall`: the worst case for each catalog size and filter.

`python -m benchmarks.recall` writes every case, with its plans, to `recall.json`.
"""

from collections.abc import Iterator, Sequence

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure, Row
from benchmarks.recall.albums import FILTERS
from benchmarks.recall.measurement import QUERIES, SIZES, measure_searches

NAMES = tuple(
    name
    for size in SIZES
    for name in (*(f"catalog.recall.{size}.{name}" for name in FILTERS), f"catalog.pages.{size}")
)
QUICK_SIZES, QUICK_QUERIES = (500, 1500), 2


def measure(bench: Bench) -> Iterator[Figure]:
    """Search catalogs of two sizes; a quick run uses much smaller catalogs."""
    sizes = QUICK_SIZES if bench.quick else SIZES
    rows = list(
        measure_searches(bench.new_folder("recall"), sizes=sizes, queries=bench.pick(QUERIES, QUICK_QUERIES))
    )
    for size, told_size in zip(sizes, SIZES, strict=True):
        full = any(row.name == f"catalog.full_answers.{size}" and row.met for row in rows)
        for name in FILTERS:
            yield _worst(rows, f"{size}.{name}", told_as=f"{told_size}.{name}", full=full, size=size)
        yield _worst_page(rows, size, told_size=told_size)


def _worst(rows: Sequence[Row], case: str, *, told_as: str, full: bool, size: int) -> Figure:
    recalls = [row for row in rows if row.name.startswith(f"catalog.recall.{case}.")]
    worst = min(recalls, key=lambda row: row.value or 0.0)
    p50_ms, p95_ms = (
        max(
            row.value or 0.0
            for row in rows
            if row.name.startswith(f"catalog.search.{case}.") and row.name.endswith(end)
        )
        for end in (".p50", ".p95")
    )
    kept = "always k rows" if full else "NOT always k rows"
    times = f"p50 <= {p50_ms:.0f} ms, p95 <= {p95_ms:.0f} ms"
    note = f"worst of {len(recalls)} cases over {size} albums, {kept}; {times}"
    return Figure(f"catalog.recall.{told_as}", worst.value, note, holds=full)


def _worst_page(rows: Sequence[Row], size: int, *, told_size: int) -> Figure:
    name = f"catalog.pages.{size}."
    recalls = [row for row in rows if row.name.startswith(name) and row.name.endswith(".recall")]
    whole = all(row.met for row in rows if row.name.startswith(name) and row.name.endswith(".whole"))
    worst = min(recalls, key=lambda row: row.value or 0.0)
    complete = "no album is repeated or skipped" if whole else "albums are REPEATED or SKIPPED"
    note = f"the worst page of {len(recalls)} rankings over {size} albums; {complete}; {worst.note}"
    return Figure(f"catalog.pages.{told_size}", worst.value, note, holds=whole)
