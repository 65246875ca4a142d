"""Prints survive the JSON documents of the SQL functions, and damaged prints are named."""

from dataclasses import replace

import pytest

from common.catalog.print_documents import print_document, print_from_document, prints_from_document
from common.prints import MAX_SIDE_PX, POINT_BYTES, PRINT_VERSION, Print

WEBP = b"RIFF" + (12).to_bytes(4, "little") + b"WEBP" + bytes(8)
WHOLE = Print(
    version=PRINT_VERSION,
    side_px=MAX_SIDE_PX,
    points=bytes(range(3 * POINT_BYTES)),
    thumbnail=WEBP,
    pdq=bytes(range(224, 256)),
)


def test_a_print_survives_its_document() -> None:
    assert print_from_document(print_document(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "damaged",
    [
        replace(WHOLE, points=WHOLE.points[1:]),
        replace(WHOLE, points=bytes(1000 * POINT_BYTES)),
        replace(WHOLE, thumbnail=b""),
        replace(WHOLE, thumbnail=WEBP[:-1]),
        replace(WHOLE, side_px=0),
        replace(WHOLE, side_px=-5),
        replace(WHOLE, pdq=b"short"),
        replace(WHOLE, version=PRINT_VERSION + 1),
    ],
)
def test_a_damaged_print_is_named_and_left_out(damaged: Print) -> None:
    documents = {"b": print_document(damaged), "whole": print_document(WHOLE), "a": print_document(damaged)}

    found = prints_from_document({"version": "7", "prints": documents})

    assert found == {"whole": WHOLE}
    assert found.damaged == ("a", "b")
    assert found.version == "7"
