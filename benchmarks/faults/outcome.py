"""The outcome of one fault: its effect on the service, and whether the service kept its promises."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """The counts, findings and recovery time of one fault."""

    name: str
    #: The number of jobs that the service accepted.
    accepted: int
    #: The number of accepted jobs that were unknown or unfinished when the audit stopped waiting.
    lost: int
    #: The number of accepted jobs that ended after their deadline.
    unfinished: int
    #: The number of results and final events that arrived for jobs that had already ended.
    extra_results: int
    #: Seconds from the end of the fault until the service worked again; None if no recovery was needed.
    recovery_s: float | None
    #: The required behaviours that the service did not show.
    broken: tuple[str, ...]
    #: The bounds on measured values that were exceeded on this machine.
    slow: tuple[str, ...]
    note: str

    @property
    def kept(self) -> bool:
        """Whether the service behaved as promised, regardless of the bounds in `slow`."""
        return not (self.lost or self.unfinished or self.extra_results or self.broken)

    @property
    def met(self) -> bool:
        return self.kept and not self.slow

    @property
    def explanation(self) -> str:
        """The unmet requirements, followed by the note of the fault."""
        return "; ".join([*(f"NOT {sentence}" for sentence in (*self.broken, *self.slow)), self.note])

    def as_document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "accepted": self.accepted,
            "lost": self.lost,
            "unfinished": self.unfinished,
            "extra_results": self.extra_results,
            "recovery_s": self.recovery_s,
            "met": self.met,
            "note": self.explanation,
        }

    def line(self) -> str:
        """Format the outcome as one line."""
        verdict = "met   " if self.met else "MISSED"
        counts = f"{self.lost} lost  {self.unfinished} late  {self.extra_results} extra"
        recovery = "" if self.recovery_s is None else f"  recovered in {self.recovery_s:.1f} s"
        return (
            f"{verdict}  {self.name:<22}  {self.accepted:>5} accepted  {counts}{recovery}  {self.explanation}"
        )


def joined(name: str, outcomes: Mapping[str, Outcome]) -> Outcome:
    """Join the outcomes of a fault's variants, and prefix each note with the name of its variant."""
    recoveries = [found.recovery_s for found in outcomes.values() if found.recovery_s is not None]
    return Outcome(
        name=name,
        accepted=sum(found.accepted for found in outcomes.values()),
        lost=sum(found.lost for found in outcomes.values()),
        unfinished=sum(found.unfinished for found in outcomes.values()),
        extra_results=sum(found.extra_results for found in outcomes.values()),
        recovery_s=max(recoveries, default=None),
        broken=tuple(f"{way}: {text}" for way, found in outcomes.items() for text in found.broken),
        slow=tuple(f"{way}: {text}" for way, found in outcomes.items() for text in found.slow),
        note="; ".join(f"{way}: {found.note}" for way, found in outcomes.items()),
    )


class Findings:
    """Collects the findings of one fault: broken requirements, exceeded bounds, notes and recovery time."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.slow: list[str] = []
        self.notes: list[str] = []
        self.recovery_s: float | None = None

    def require(self, sentence: str, kept: bool) -> None:
        """Record the sentence as a broken requirement unless `kept` is true."""
        if not kept:
            self.broken.append(sentence)

    def within(self, sentence: str, measured: float, bound: float, *, unit: str = "s") -> None:
        """Note the measured value, and record a missed bound if the value is larger than `bound`."""
        text = f"{sentence} {measured:.4g} {unit}"
        self.notes.append(text)
        if measured > bound:
            self.slow.append(f"within {bound:g} {unit}: {text}")

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)
