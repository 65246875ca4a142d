"""A measured figure, and its row in `benchmarks/results.json`."""

from dataclasses import asdict, dataclass
from typing import TypeAlias

from benchmarks.harness.performance_targets import TARGETS

JsonRow: TypeAlias = dict[str, str | float | bool | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; if it could not be measured, `value` is None and the note says why."""

    name: str
    value: float | None
    note: str
    #: Whether the target's additional condition was met.
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the results; `met` is None if nothing was measured."""

    name: str
    value: float | None
    unit: str
    target: str
    met: bool | None
    note: str
    #: Whether other programs used the machine when the run began, so that times may be too long.
    beside_other_work: bool = False

    @property
    def is_skipped(self) -> bool:
        """Whether this machine lacks something that the measurement needs."""
        return self.value is None and self.met is None

    def as_document(self) -> JsonRow:
        """Return the row as JSON values; `beside_other_work` is left out if it is false."""
        document = asdict(self)
        if not self.beside_other_work:
            del document["beside_other_work"]
        return document


def row_of(figure: Figure) -> Row:
    """Return the row of a figure, with its target."""
    target = TARGETS[figure.name]
    met = None if figure.value is None else figure.holds and target.is_met_by(figure.value)
    value = None if figure.value is None else float(f"{figure.value:.5g}")
    return Row(figure.name, value, target.unit, str(target), met, figure.note)


def failed_row(name: str, reason: str) -> Row:
    """Return the row of a figure whose benchmark failed, with its target as missed."""
    target = TARGETS[name]
    return Row(name, None, target.unit, str(target), False, f"failed: {reason}")
