"""Read and replace the part of a document that a measurement writes between two markers.

<!-- measured: NAME -->
…
<!-- /measured: NAME -->
"""

import re
from pathlib import Path


def show(document: Path, name: str, text: str) -> None:
    """Replace the measurement that a document contains.

    Raises:
        ValueError: the document has no markers for this measurement.
    """
    before, _, after = _parts(document, name)
    document.write_text(f"{before}{text}\n{after}")


def shown(document: Path, name: str) -> str:
    """Return the measurement that a document contains.

    Raises:
        ValueError: the document has no markers for this measurement.
    """
    return _parts(document, name)[1].removesuffix("\n")


def _parts(document: Path, name: str) -> tuple[str, str, str]:
    opening, closing = (re.escape(f"<!-- {mark}: {name} -->\n") for mark in ("measured", "/measured"))
    found = re.fullmatch(f"(.*{opening})(.*)({closing}.*)", document.read_text(), re.DOTALL)
    if found is None:
        raise ValueError(f"{document.name} has no marks for the measurement {name}")
    return found[1], found[2], found[3]
