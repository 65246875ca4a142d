"""Measure ingests: `python -m benchmarks.ingest [--quick]`."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.ingest import bulk, efficiency
from benchmarks.speed.bench import Bench
from benchmarks.speed.rows import Figure, Row
from benchmarks.speed.table import line, told_machine
from benchmarks.speed.targets import Target

RESULTS = Path(__file__).parent.parent / "ingest.json"
TARGETS = {efficiency.NAME: Target("share", ">=", 0.85)} | dict.fromkeys(bulk.NAMES, Target("x", "<=", 1.5))


def main(arguments: Sequence[str]) -> int:
    """Run it; return 0 if every target was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny counts, to see that all of it runs")
    parser.add_argument("--only", choices=["efficiency", "bulk"])
    options = parser.parse_args(arguments)
    print(told_machine(), flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder, Bench(Path(folder), options.quick) as bench:
        for figure in _figures(bench, options.only):
            row = _row(figure)
            print(line(row), flush=True)
            rows.append(row)
    if not options.quick and options.only is None:
        RESULTS.write_text(json.dumps([row.as_document() for row in rows], indent=1) + "\n")
    return 0 if all(row.met for row in rows) else 1


def _figures(bench: Bench, only: str | None) -> Iterator[Figure]:
    if only != "bulk":
        yield efficiency.measure(bench)
    if only != "efficiency":
        yield from bulk.measure(bench)


def _row(figure: Figure) -> Row:
    target = TARGETS[figure.name]
    value = figure.value or 0.0
    met = figure.holds and target.is_met_by(value)
    return Row(figure.name, float(f"{value:.4g}"), target.unit, str(target), met, figure.note)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
