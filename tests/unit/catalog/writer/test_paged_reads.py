"""Pages are read one after another until a page is empty."""

from collections.abc import Sequence

import pytest

from catalog.writer.paged_reads import pages_by_id, rows_by_id

IDS = ["a", "b", "c", "d", "e"]


class Table:
    """A table of ids, which records the ids after which a page was read."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids
        self.read_after: list[str | None] = []

    def page(self, after_id: str | None) -> Sequence[str]:
        self.read_after.append(after_id)
        return [each for each in self._ids if after_id is None or each > after_id][:2]


def test_rows_of_all_pages_are_read_in_order() -> None:
    table = Table(*IDS)

    assert list(rows_by_id(table.page, id_of=str)) == IDS

    assert table.read_after == [None, "b", "d", "e"]


def test_an_empty_table_has_no_page() -> None:
    assert list(pages_by_id(Table().page, id_of=str)) == []


@pytest.mark.parametrize(("rows", "pages"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_a_page_is_read_only_when_its_rows_are_needed(rows: int, pages: int) -> None:
    table = Table(*IDS)
    found = rows_by_id(table.page, id_of=str)

    for _ in range(rows):
        next(found)

    assert len(table.read_after) == pages
