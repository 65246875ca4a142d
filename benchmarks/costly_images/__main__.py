"""Find the slowest files that the gateway accepts: `python -m benchmarks.costly_images [FORMAT]…`."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.costly_images.families import FAMILIES
from benchmarks.costly_images.measurement import most_expensive
from benchmarks.costly_images.table import table
from benchmarks.harness.docs_section import show
from benchmarks.paths import ROOT
from common.images.cost.estimate import READERS

RESULTS = Path(__file__).parent.parent / "costly_images.json"


def main(arguments: Sequence[str]) -> int:
    """Measure the chosen formats; rows of the other formats stay unchanged in the results and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costly_images", description=__doc__)
    parser.add_argument(
        "formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(READERS)}; all by default"
    )
    formats = parser.parse_args(arguments).formats or list(READERS)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    documents = [each for each in earlier if each["format"] not in formats]
    for family in FAMILIES:
        if family.format in formats:
            began = time.monotonic()
            found = most_expensive(family)
            documents.append(found.as_document())
            print(f"{found.line()}  [{time.monotonic() - began:.0f} s]", flush=True)
    order = list(dict.fromkeys(family.format for family in FAMILIES))
    documents.sort(key=lambda each: order.index(str(each["format"])))
    RESULTS.write_text(json.dumps(documents, indent=1) + "\n")
    show(ROOT / "docs" / "security.md", "costly images", table(documents))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
