"""A row that did not make it into the catalog, and why; and what a row that did has lost on the way."""

from dataclasses import dataclass


class RowFault(Exception):
    """A row cannot be taken; `reason` is a stable code, the text says what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line of the report; `row` counts from 1, below a header."""

    row: int
    id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the notes: what of a row was not taken as it stands, though the row was."""

    row: int
    id: str
    column: str
    reason: str
    detail: str
