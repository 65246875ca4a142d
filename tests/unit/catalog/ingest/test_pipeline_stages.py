"""Batches are limited by count and by bytes, and rejected rows do not wait for a batch."""

from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected


def test_a_batch_has_a_byte_limit() -> None:
    covers = [b"x" * size for size in (3, 3, 5, 20, 1, 1, 1, 1)]

    cut = list(batches(covers, 3, max_bytes=10, bytes_of=len))

    assert [[len(cover) for cover in batch] for batch in cut if isinstance(batch, list)] == [
        [3, 3],
        [5],
        [20],
        [1, 1, 1],
        [1],
    ]


def test_a_full_batch_is_yielded_at_once() -> None:
    items = iter([0, 1, 2])

    first = next(batches(items, 2))

    assert first == [0, 1]
    assert list(items) == [2]


def test_a_rejected_row_is_passed_on_at_once() -> None:
    rejected = Rejected(1, "", "missing_cover", "")

    assert list(batches([7, rejected, 8], 2)) == [rejected, [7, 8]]
