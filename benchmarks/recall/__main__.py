"""Measure recall: `python -m benchmarks.recall`, which writes `benchmarks/recall.json` in 15 minutes."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.recall.measurement import QUERIES, SIZES, measure
from common.validation.strict_numbers import positive_integer

RESULTS = Path(__file__).parent.parent / "recall.json"


def main(arguments: Sequence[str]) -> int:
    """Run the recall benchmark; return 0 if every target was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument(
        "--rows", type=positive_integer, action="append", help="size of a catalog; repeatable"
    )
    parser.add_argument("--queries", type=positive_integer, default=QUERIES, help="per kind (%(default)s)")
    options = parser.parse_args(arguments)
    sizes = options.rows or SIZES
    rows = []
    with tempfile.TemporaryDirectory(prefix="recall-") as folder:
        for row in measure(Path(folder, "postgres"), sizes=sizes, queries=options.queries):
            verdict = "      " if row.target == "report" else "met   " if row.met else "MISSED"
            print(f"{verdict}  {row.name:<60}  {row.value:>8} {row.unit:<5}  {row.note}", flush=True)
            rows.append(row)
    if sizes == SIZES and options.queries == QUERIES:
        RESULTS.write_text(json.dumps([row.as_document() for row in rows], indent=1) + "\n")
    else:
        print(f"{RESULTS.name} is written by a whole run only")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
