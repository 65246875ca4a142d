"""Measure the product: `python -m benchmarks [--quick] [--only NAME… [--update]]`, as `make bench` does."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.all_benchmarks import FAMILIES, families_of
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.docs_section import show, shown
from benchmarks.harness.measured_figure import JsonRow, Row, failed_row, row_of
from benchmarks.harness.performance_targets import TARGETS
from benchmarks.harness.table import is_busy, line, machine_description, table
from benchmarks.paths import ROOT

RESULTS = Path(__file__).parent / "results.json"
DOCUMENT = ROOT / "docs" / "performance.md"
GPU_DOCUMENT = ROOT / "docs" / "gpu.md"
PARTIAL = STATE / "results.json"


def main(arguments: Sequence[str]) -> int:
    """Measure each family; return 1 if any of them failed with an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use tiny counts, to check that everything runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure only these families or figures")
    parser.add_argument("--update", action="store_true", help="with --only, replace the recorded figures")
    options = parser.parse_args(arguments)
    try:
        chosen = families_of(options.only or list(FAMILIES))
    except ValueError as error:
        parser.error(str(error))
    machine, busy = machine_description(), is_busy()
    print(machine, flush=True)
    if busy:
        print("other programs use this machine; the rows will say so", flush=True)
    STATE.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bench(Path(folder), options.quick) as bench:
        for name in chosen:
            began = time.monotonic()
            for figure_row in measured(name, bench):
                row = replace(figure_row, beside_other_work=busy)
                print(line(row), flush=True)
                rows.append(row)
            print(f"  {name} took {time.monotonic() - began:.0f} s", flush=True)
    is_shown = not options.quick and (options.update or not options.only)
    described = machine if not options.only else _last_description()
    path = _keep(rows, described) if is_shown else _write(PARTIAL, [row.as_document() for row in rows])
    print(f"written to {path}")
    return 1 if any(row.note.startswith("failed: ") for row in rows) else 0


def _last_description() -> str:
    """Return the machine of the last whole run; a row from another machine names its machine in its note."""
    return shown(DOCUMENT, "speed").partition("\n")[0]


def _keep(rows: Sequence[Row], machine: str) -> Path:
    """Merge the rows into `results.json`, and update the tables in docs/performance.md and docs/gpu.md."""
    last = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    documents = merged(last, rows)
    on_cpu, on_gpu = of_cpu_and_gpu(documents)
    show(DOCUMENT, "speed", f"{machine}\n\n{table(on_cpu)}")
    show(GPU_DOCUMENT, "gpu", table(on_gpu))
    return _write(RESULTS, documents)


def of_cpu_and_gpu(documents: Sequence[JsonRow]) -> tuple[list[JsonRow], list[JsonRow]]:
    """Divide rows between the two documents."""
    on_gpu = [row for row in documents if str(row["name"]).startswith("gpu.")]
    return [row for row in documents if row not in on_gpu], on_gpu


def merged(last: Sequence[JsonRow], rows: Sequence[Row]) -> list[JsonRow]:
    """Return the last results with new rows; a skipped measurement does not replace a measured one."""
    known = {str(row["name"]): row for row in last}
    for row in rows:
        if not (row.is_skipped and row.name in known):
            known[row.name] = row.as_document()
    return [known[name] for name in TARGETS if name in known]


def _write(path: Path, documents: Sequence[JsonRow]) -> Path:
    path.write_text(json.dumps(documents, indent=1) + "\n")
    return path


def measured(family: str, bench: Bench) -> Iterator[Row]:
    """Measure one family; if the family fails, the targets of its unmeasured figures count as missed."""
    missing = list(FAMILIES[family].names)
    try:
        for figure in FAMILIES[family].measure(bench):
            missing.remove(figure.name)
            yield row_of(figure)
    except Exception as error:  # noqa: BLE001 - the boundary of one family: the others are still measured
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        yield from (failed_row(name, reason) for name in missing)
    else:
        if missing:
            raise AssertionError(f"{family} did not measure {', '.join(missing)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
