"""The reasons for rejecting rows, and notes on rows that were accepted with a change."""

from dataclasses import dataclass
from typing import Self


class RowFault(Exception):
    """A row must be rejected; `reason` is a stable code, and `detail` is a sentence for the operator."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line of the report of rejected rows; row 1 is the first row below the header."""

    row: int
    id: str
    reason: str
    detail: str

    @classmethod
    def of_album(cls, album_id: str, fault: RowFault) -> Self:
        """Reject an album of the catalog, which is not a row of a table; the report shows row 0."""
        return cls(0, album_id, fault.reason, fault.detail)


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the notes on accepted rows: a cell that was left empty, or a cover that was kept."""

    row: int
    id: str
    column: str
    reason: str
    detail: str
