"""Retry-After is a number of seconds or a date."""

import httpx
import pytest

from catalog.ingest.covers.fetch.responses import retry_after_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        *((value, None) for value in ("", "1_0", "\u0665", "-5", "soon", "9" * 400, "nan", "inf")),
    ],
)
def test_retry_after_is_read_strictly(value: str, seconds: float | None) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    headers = httpx.Headers([("Retry-After", value), ("Date", date)], encoding="utf-8")

    assert retry_after_s(headers) == seconds
