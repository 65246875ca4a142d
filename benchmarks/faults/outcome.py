"""What one fault did to the service, and whether that is what was promised."""

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
