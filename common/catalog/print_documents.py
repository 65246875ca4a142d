"""Prints of covers as the JSON objects that the SQL functions read and write; bytes are in base64."""

import base64
from collections.abc import Mapping
from typing import Any

from common.catalog.protocol import Prints
from common.errors import DamagedPrint
from common.prints import Print, validate_print


def print_document(cover_print: Print) -> dict[str, Any]:
    """Return a print as an element of the argument of the SQL function `put_prints`."""
    return {
        "version": cover_print.version,
        "side_px": cover_print.side_px,
        "points": base64.b64encode(cover_print.points).decode(),
        "thumbnail": base64.b64encode(cover_print.thumbnail).decode(),
        "pdq": cover_print.pdq.hex(),
    }


def print_from_document(document: Mapping[str, Any]) -> Print:
    """Return the print in a document of the SQL function `print_document`; it is not validated."""
    return Print(
        version=document["version"],
        side_px=document["side_px"],
        points=base64.b64decode(document["points"]),
        thumbnail=base64.b64decode(document["thumbnail"]),
        pdq=bytes.fromhex(document["pdq"]),
    )


def prints_from_document(document: Mapping[str, Any]) -> Prints:
    """Read `{"version": …, "prints": {"id": {…}}}`, the document of the SQL function `album_prints`."""
    prints: dict[str, Print] = {}
    damaged: list[str] = []
    for album_id, found in document["prints"].items():
        try:
            prints[album_id] = validate_print(print_from_document(found))
        except DamagedPrint:
            damaged.append(album_id)
    return Prints(prints, damaged=sorted(damaged), version=document["version"])
