"""What one fault did to the service, and whether that is what was promised."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one fault."""

    name: str
    #: Jobs that the service said yes to.
    accepted: int
    #: Of those: unknown, or without a terminal state when all waiting was over.
    lost: int
    #: Of those: ended later than their deadline.
    unfinished: int
    #: Results, or ends, that a job had beyond its first.
    extra_results: int
    #: Seconds from the end of the fault until the service did its work again; None where none was needed.
    recovery_s: float | None
    #: What the service must do and did not.
    broken: tuple[str, ...]
    #: Bounds of time that were not kept on this machine.
    slow: tuple[str, ...]
    note: str

    @property
    def kept(self) -> bool:
        """Whether the service behaved as promised, however long it took."""
        return not (self.lost or self.unfinished or self.extra_results or self.broken)

    @property
    def met(self) -> bool:
        return self.kept and not self.slow

    @property
    def explanation(self) -> str:
        """The note, and what was not met before it."""
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
        """Return the outcome as one line for a person."""
        verdict = "met   " if self.met else "MISSED"
        counts = f"{self.lost} lost  {self.unfinished} late  {self.extra_results} extra"
        recovery = "" if self.recovery_s is None else f"  recovered in {self.recovery_s:.1f} s"
        return (
            f"{verdict}  {self.name:<22}  {self.accepted:>5} accepted  {counts}{recovery}  {self.explanation}"
        )


def joined(name: str, outcomes: Mapping[str, Outcome]) -> Outcome:
    """Return one outcome of a fault that was met in several ways, with the name of each beside its words."""
    recoveries = [found.recovery_s for found in outcomes.values() if found.recovery_s is not None]
    return Outcome(
        name=name,
        accepted=sum(found.accepted for found in outcomes.values()),
        lost=sum(found.lost for found in outcomes.values()),
        unfinished=sum(found.unfinished for found in outcomes.values()),
        extra_results=sum(found.extra_results for found in outcomes.values()),
        recovery_s=max(recoveries, default=None),
        broken=tuple(f"{way}: {told}" for way, found in outcomes.items() for told in found.broken),
        slow=tuple(f"{way}: {told}" for way, found in outcomes.items() for told in found.slow),
        note="; ".join(f"{way}: {found.note}" for way, found in outcomes.items()),
    )


class Findings:
    """Collects what is found while a fault lasts."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.slow: list[str] = []
        self.notes: list[str] = []
        self.recovery_s: float | None = None

    def require(self, sentence: str, kept: bool) -> None:
        """Hold the service to a behaviour."""
        if not kept:
            self.broken.append(sentence)

    def within(self, sentence: str, measured: float, bound: float, *, unit: str = "s") -> None:
        """Hold the service to a bound, and note what was measured."""
        told = f"{sentence} {measured:.4g} {unit}"
        self.notes.append(told)
        if measured > bound:
            self.slow.append(f"within {bound:g} {unit}: {told}")

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)
