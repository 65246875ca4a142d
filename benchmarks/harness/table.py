"""Format results as printed lines or as a Markdown table, and describe the machine."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.harness.measured_figure import JsonRow, Row

#: A load average above this threshold means that other programs used the machine during the benchmarks.
BUSY_LOAD = 0.5
_BESIDE_OTHER_WORK = "; measured beside other work"
_WORDS = {True: "met", False: "MISSED", None: "-"}
#: Matches the query plans at the end of a note, from a count such as "; 20 of 20: " to the end of the line.
_PLANS = re.compile(r"; \d+ of \d+: .*")


def line(row: Row) -> str:
    """Format one result for printing."""
    value = "-" if row.value is None else f"{row.value:g}"
    note = row.note + (_BESIDE_OTHER_WORK if row.beside_other_work else "")
    return f"{_WORDS[row.met]:7} {row.name:34} {value:>9} {row.unit:7} {row.target}\n        {note}"


def table(rows: Sequence[JsonRow]) -> str:
    """Return the rows of `results.json` as a Markdown table with shortened notes."""
    head = ["| figure | value | target | what was compared |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_markdown, rows)])


def _markdown(row: JsonRow) -> str:
    value = "" if row["value"] is None else f"{row['value']:g} {row['unit']}"
    target = f"**missed:** {row['target']}" if row["met"] is False else row["target"]
    return f"| `{row['name']}` | {value} | {target} | {_shortened(row)} |"


def _shortened(row: JsonRow) -> str:
    """Return the note without query plans, and without a condition that the target column repeats."""
    note = _PLANS.sub("", str(row["note"])) + (_BESIDE_OTHER_WORK if row.get("beside_other_work") else "")
    _, _, condition = str(row["target"]).partition(", ")
    return note.replace(f", {condition};", ";") if condition else note


def is_busy() -> bool:
    """Return whether other programs have used the machine in the last minute."""
    return os.getloadavg()[0] > BUSY_LOAD


def machine_description() -> str:
    """Describe this machine and its load."""
    memory_gib = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{psutil.cpu_count()} x {_processor()}, {memory_gib:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}; load before the run {load:.1f}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
