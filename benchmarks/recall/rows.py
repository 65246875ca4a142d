"""The rows that this benchmark gives, of the form that all benchmarks share."""

from benchmarks.harness.figures import Row
from benchmarks.harness.targets import Target

RECALL = Target("share", ">=", 0.99)
#: Of all searches, those that came with as many rows as k, or as pass the filter where fewer do.
FULL_ANSWERS = Target("share", "=", 1.0)


def row(name: str, value: float, unit: str, *, note: str = "") -> Row:
    """Return a row that is only reported."""
    return held_row(name, value, Target(unit, "report"), note=note)


def held_row(name: str, value: float, target: Target, *, note: str = "") -> Row:
    """Return a row beside its target."""
    rounded = float(f"{value:.4g}")
    return Row(name, rounded, target.unit, str(target), target.is_met_by(value), note)
