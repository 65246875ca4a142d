"""The printed table, and the machine it was measured on."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.harness.figures import JsonRow, Row

_WORDS = {True: "met", False: "MISSED", None: "-"}


def line(row: Row) -> str:
    """Return one line of the table."""
    value = "-" if row.value is None else f"{row.value:g}"
    return f"{_WORDS[row.met]:7} {row.name:34} {value:>9} {row.unit:7} {row.target}\n        {row.note}"


def table(rows: Sequence[JsonRow]) -> str:
    """Return `results.json` as a Markdown table."""
    head = ["| figure | value | target | met | what was compared |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_markdown, rows)])


def _markdown(row: JsonRow) -> str:
    value = "" if row["value"] is None else f"{row['value']:g} {row['unit']}"
    met = {True: "yes", False: "**no**", None: ""}[_as_bool(row["met"])]
    return f"| `{row['name']}` | {value} | {row['target']} | {met} | {row['note']} |"


def _as_bool(met: object) -> bool | None:
    return met if isinstance(met, bool) else None


def machine_description() -> str:
    """Describe the machine that the figures are measured on."""
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
