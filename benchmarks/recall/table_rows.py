"""Build the result rows of the recall benchmark."""

from benchmarks.harness.measured_figure import Row
from benchmarks.harness.performance_targets import Target

RECALL = Target("share", ">=", 0.99)
#: The target for the share of searches that return k albums, or all matching albums if fewer match.
FULL_ANSWERS = Target("share", "=", 1.0)
#: The share of queries whose pages contain every album of the ranking exactly once.
WHOLE = Target("share", "=", 1.0)


def row(name: str, value: float, unit: str, *, note: str = "") -> Row:
    """Return the row of a figure that has no target."""
    return held_row(name, value, Target(unit, "report"), note=note)


def held_row(name: str, value: float, target: Target, *, note: str = "") -> Row:
    """Return the row of a figure with its target."""
    rounded = float(f"{value:.4g}")
    return Row(name, rounded, target.unit, str(target), target.is_met_by(value), note)
