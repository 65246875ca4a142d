"""Measure the product: `python -m benchmarks [--quick] [--only NAME…]`, as `make bench` does."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.speed.bench import STATE, Bench
from benchmarks.speed.families import FAMILIES, families_of
from benchmarks.speed.rows import Row, failed_row, row_of
from benchmarks.speed.table import line, told_machine

RESULTS = Path(__file__).parent / "results.json"
PARTIAL = STATE / "results.json"


def main(arguments: Sequence[str]) -> int:
    """Measure family after family; return 1 if one of them broke, whatever the others' figures are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny counts, to see that all of it runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these families or figures")
    options = parser.parse_args(arguments)
    try:
        chosen = families_of(options.only or list(FAMILIES))
    except ValueError as error:
        parser.error(str(error))
    print(told_machine(), flush=True)
    STATE.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bench(Path(folder), options.quick) as bench:
        for name in chosen:
            began = time.monotonic()
            for row in measured(name, bench):
                print(line(row), flush=True)
                rows.append(row)
            print(f"  {name} took {time.monotonic() - began:.0f} s", flush=True)
    path = PARTIAL if options.quick or options.only else RESULTS
    path.write_text(json.dumps([row.as_document() for row in rows], indent=1) + "\n")
    print(f"written to {path}")
    return 1 if any(row.note.startswith("failed: ") for row in rows) else 0


def measured(family: str, bench: Bench) -> Iterator[Row]:
    """Measure one family; where it breaks, its figures that are still missing are failures."""
    missing = list(FAMILIES[family].names)
    try:
        for figure in FAMILIES[family].measure(bench):
            missing.remove(figure.name)
            yield row_of(figure)
    except Exception as error:  # noqa: BLE001 - the boundary of one family: the others are measured all the same
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        yield from (failed_row(name, reason) for name in missing)
    else:
        if missing:
            raise AssertionError(f"{family} did not measure {', '.join(missing)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
