"""Run the fault matrix: `python -m benchmarks.faults [--short] [--only NAME]…`, as `make faults` does."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.all_faults import FAULTS
from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.table import table
from benchmarks.harness.docs_section import show
from benchmarks.paths import ROOT

RESULTS = Path(__file__).parent.parent / "faults.json"


def main(arguments: Sequence[str]) -> int:
    """Run the faults one after another; return 0 if every requirement was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="use smaller counts, as the tests do")
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="run this fault; repeatable")
    options = parser.parse_args(arguments)
    # Handle SIGTERM like Ctrl-C, so that the servers are stopped before this process ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = options.only or list(FAULTS)
    outcomes = []
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        CatalogServer(Path(folder, "postgres")) as catalog_server,
    ):
        for name in names:
            began = time.monotonic()
            outcome = _run(name, catalog_server, Path(folder, name), short=options.short)
            print(f"{outcome.line()}  [{time.monotonic() - began:.0f} s]", flush=True)
            outcomes.append(outcome)
    if options.only or options.short:
        print(f"{RESULTS.name} and docs/faults.md are written by a whole, full run only")
    else:
        documents = [outcome.as_document() for outcome in outcomes]
        RESULTS.write_text(json.dumps(documents, indent=1) + "\n")
        show(ROOT / "docs" / "faults.md", "faults", table(documents))
    return 0 if all(outcome.met for outcome in outcomes) else 1


def _run(name: str, catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    folder.mkdir()

    async def run() -> Outcome:
        return await FAULTS[name](catalog_server, folder, short=short)

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
