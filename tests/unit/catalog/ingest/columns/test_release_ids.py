"""Ids of releases are read from numbers, from marks of Discogs, and from addresses of pages."""

import pytest

from catalog.ingest.columns.release_ids import (
    discogs_release_id,
    musicbrainz_release_group_id,
    musicbrainz_release_id,
)

MBID = "76df3287-6cda-33eb-8e9a-044b5e15ffdd"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(
            (cell, 249504)
            for cell in (249504, "249504", " 249504 ", "249504.0", 249504.0, "r249504", "[r249504]")
        ),
        ("https://www.discogs.com/release/249504-Rick-Astley-Never-Gonna", 249504),
        ("http://www.discogs.com/de/release/249504", 249504),
        ("https://www.discogs.com/Rick-Astley-Never/release/249504", 249504),
        ("https://api.discogs.com/releases/249504", 249504),
        ("https://www.discogs.com/master/96559", None),
        ("https://example.org/release/1", None),
        *((cell, None) for cell in ("0", "-1", "m123", "12345678901", "", None, "4AD", MBID)),
    ],
)
def test_the_number_of_a_discogs_release_is_read(cell: object, number: int | None) -> None:
    assert discogs_release_id(cell) == number


@pytest.mark.parametrize(
    ("cell", "mbid"),
    [
        (MBID, MBID),
        (MBID.upper(), MBID),
        (f"https://musicbrainz.org/release/{MBID}?x", MBID),
        *((cell, None) for cell in ("", None, 7, MBID[:-1], MBID.replace("-", ""))),
    ],
)
def test_a_musicbrainz_id_is_read(cell: object, mbid: str | None) -> None:
    assert musicbrainz_release_id(cell) == mbid


@pytest.mark.parametrize("page", ["artist", "release-group", "recording"])
def test_the_address_of_another_page_has_no_id_of_a_release(page: str) -> None:
    address = f"https://musicbrainz.org/{page}/{MBID}"

    assert musicbrainz_release_id(address) is None
    assert musicbrainz_release_group_id(address) == (MBID if page == "release-group" else None)
