"""Checks that the metadata of an album is not too large for results, before the metadata is written."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

import orjson

from catalog.ingest.rejection import RowFault
from common.album_metadata import METADATA_MAX_BYTES, METADATA_MAX_LEVELS, is_too_deep

#: The maximum size of metadata whose exact size is computed, which takes up to 9 s for a million numbers. The
#: size of a compact text is a lower limit of the exact size, and is computed in 20 ms.
_MEASURED_MAX_BYTES = 8 * METADATA_MAX_BYTES


def check_size(metadata: Mapping[str, object]) -> None:
    """Check that the metadata is small enough for search results.

    Raises:
        RowFault: the metadata is too large, or has too many levels.
    """
    least = _compact_bytes(metadata)
    if least > _MEASURED_MAX_BYTES:
        largest = max(metadata, key=lambda key: _compact_bytes({key: metadata[key]}))
        raise RowFault(
            "metadata_too_large",
            f"the metadata has at least {least} bytes of JSON, and {METADATA_MAX_BYTES} are allowed; the "
            f"largest part is {largest!r:.80}",
        )
    text = _text(metadata)
    size = _stored_bytes(text, metadata)
    if size > METADATA_MAX_BYTES:
        largest = max(metadata, key=lambda key: stored_bytes({key: metadata[key]}))
        raise RowFault(
            "metadata_too_large",
            f"the metadata has {size} bytes of JSON, and {METADATA_MAX_BYTES} are allowed; the largest part "
            f"is {largest!r:.80} with {stored_bytes({largest: metadata[largest]})} bytes",
        )
    if is_too_deep(text):
        raise RowFault(
            "metadata_too_large",
            f"the metadata has more than {METADATA_MAX_LEVELS} levels of lists and objects",
        )


def stored_bytes(metadata: Mapping[str, object]) -> int:
    """Return the number of bytes of the JSON text that PostgreSQL prints for a value of the type jsonb."""
    return _stored_bytes(_text(metadata), metadata)


def _compact_bytes(metadata: Mapping[str, object]) -> int:
    # PostgreSQL never prints a shorter text than orjson.
    return len(orjson.dumps(metadata))


def _stored_bytes(text: str, metadata: Mapping[str, object]) -> int:
    # PostgreSQL writes numbers without exponents.
    return len(text.encode()) + sum(map(_digits_of_exponent, _floats(metadata)))


def _text(metadata: Mapping[str, object]) -> str:
    # Like Python's json module, PostgreSQL separates by ", " and ": ".
    return json.dumps(metadata, ensure_ascii=False)


def _digits_of_exponent(number: float) -> int:
    written = repr(number)
    return len(f"{Decimal(written):f}") - len(written)


def _floats(value: object) -> Iterator[float]:
    """Yield all numbers with a fraction or an exponent in a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, float):
            yield item
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
