"""A row that did not make it into the catalog, and why."""

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
