"""The report of rejected rows: CSV, or JSON Lines by its name; written as they are found."""

import csv
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import Self

import orjson

from catalog.ingest.rejection import Rejected


class Report:
    """Counts and writes rejected rows; the file is there, and empty, also when there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._json = path.suffix == ".jsonl"
        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.DictWriter(self._file, [field.name for field in fields(Rejected)])

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.callback(self._file.close)
            if not self._json:
                self._csv.writeheader()
            self._file.flush()
            opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rejected: Rejected) -> None:
        self.reasons[rejected.reason] += 1
        if self._json:
            self._file.write(orjson.dumps(asdict(rejected)).decode() + "\n")
        else:
            self._csv.writerow(asdict(rejected))
        # Whoever looks while it runs, or after it was killed, sees all that was found.
        self._file.flush()
