"""The report of rejected rows, and the notes on accepted rows.

Both files are CSV, or JSON Lines if the file name ends in .jsonl. Every line is written immediately. Each
file is created at the start, so that a path that cannot be written is reported at once. A file that stays
empty is removed at the end, unless another process writes to the same file. If several ingests write to the
same file at the same time, the file contains the lines of all of them.
"""

import csv
import fcntl
import io
import os
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Generic, Self, TextIO, TypeVar

import orjson
from rich.console import Console

from catalog.ingest.rejection import Note, Rejected
from common.ingest_reports.report import LEFT_OUT_LISTED

Line = TypeVar("Line", Rejected, Note)


class _Listing(Generic[Line]):
    """A file with one line for each rejected row or note."""

    def __init__(self, path: Path, line: type[Line]) -> None:
        self.path = path
        self._json = path.suffix == ".jsonl"
        self._file, self._is_shared = _open_locked(path)
        self._csv = csv.DictWriter(self._file, [field.name for field in fields(line)])
        #: The size in bytes of the file before a rejected row or note is written: the header of a CSV.
        self._empty_bytes = 0

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.callback(self._file.close)
            if not self._json:
                header = io.StringIO()
                csv.DictWriter(header, self._csv.fieldnames).writeheader()
                self._empty_bytes = len(header.getvalue())
                self._file.write("" if self._is_shared else header.getvalue())
            self._file.flush()
            # From now on, other processes can write to the file, too.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_SH)
            opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            # A device such as /dev/stdout, or a link to one, is kept.
            is_own = self.path.is_file() and not self.path.is_symlink()
            is_empty = os.fstat(self._file.fileno()).st_size <= self._empty_bytes
            if is_own and is_empty and _is_used_by_nobody_else(self._file):
                self.path.unlink(missing_ok=True)

    def add(self, line: Line) -> None:
        if self._json:
            self._file.write(orjson.dumps(asdict(line)).decode() + "\n")
        else:
            self._csv.writerow(asdict(line))
        # Flush the file, so that it is complete while the command runs and after the command is killed.
        self._file.flush()


def _open_locked(path: Path) -> tuple[TextIO, bool]:
    """Open a file for appending, and empty it unless another process uses it; return whether one does."""
    while True:
        # In append mode, processes that write to the same file do not overwrite each other's lines.
        file = path.open("a", encoding="utf-8", newline="")
        is_shared = _lock(file)
        # Another process may have removed the file, while it was empty, before this process had locked it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                if path.is_file() and not is_shared:
                    file.truncate(0)
                return file, is_shared
        file.close()


def _lock(file: TextIO) -> bool:
    """Lock a file, exclusively if possible, and return whether another process uses the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(file, fcntl.LOCK_SH)
        return True
    except OSError:
        # Some file systems and devices have no locks.
        return False
    return False


def _is_used_by_nobody_else(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Report(_Listing[Rejected]):
    """Writes rejected rows, counts them by reason, and keeps the first of them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Rejected)
        self.reasons: Counter[str] = Counter()
        self.first: list[Rejected] = []

    def add(self, line: Rejected) -> None:
        self.reasons[line.reason] += 1
        if len(self.first) < LEFT_OUT_LISTED:
            self.first.append(line)
        super().add(line)


class Notes(_Listing[Note]):
    """Writes notes, counts them by column and reason, and keeps the first note of each kind as an example."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Note)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], Note] = {}

    def add(self, line: Note) -> None:
        kind = (line.column, line.reason)
        self.counts[kind] += 1
        self.examples.setdefault(kind, line)
        super().add(line)


def say_rejected(console: Console, report: Report) -> None:
    """Print the number of rejected rows for each reason, and where the report is."""
    for reason, count in report.reasons.most_common():
        console.print(f"  {count} {reason}", markup=False)
    if report.reasons:
        console.print(f"the rejected rows are in {report.path}", markup=False)
