"""Batches that want thumbnails are sent only if every ready worker can read them."""

from collections.abc import Mapping

import pytest

from catalog.ingest.embedding.distributed import all_make_thumbnails

NEW, OLD = {"ready": True, "thumbnails": True}, {"ready": True}


@pytest.mark.parametrize(
    ("workers", "expected"),
    [([], False), ([NEW], True), ([OLD], False), ([NEW, NEW], True), ([NEW, OLD], False)],
)
def test_thumbnails_are_wanted_only_from_workers_that_make_them(
    workers: list[Mapping[str, object]], *, expected: bool
) -> None:
    assert all_make_thumbnails(workers) is expected
