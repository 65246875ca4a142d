"""Scores such as NaN, which SQL can store but JSON cannot express, are read as missing scores."""

from decimal import Decimal

import numpy as np
import psycopg
import pytest

from common.catalog.facets.counter import FacetCounter
from common.filters import Filters
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import KnownAlbums, Row, write

#: `1e400` and `-1e400` are larger than every float.
ODD_SCORES = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400")


@pytest.fixture(params=ODD_SCORES)
def odd_catalog(request: pytest.FixtureRequest, writable: Opened, known_albums: KnownAlbums) -> Opened:
    """A catalog of one album with the score 8 and one with an odd score."""
    covers = known_albums.covers(2)
    with psycopg.connect(writable.database_url) as connection:
        write(
            connection,
            [
                Row(id="odd", embedding=covers[0], album_name="Odd", pitchfork_score=Decimal(request.param)),
                Row(id="plain", embedding=covers[1], album_name="Plain", pitchfork_score=Decimal(8)),
            ],
        )
    return writable


def test_every_read_shows_an_odd_score_as_missing(odd_catalog: Opened, known_albums: KnownAlbums) -> None:
    catalog, cover = odd_catalog.catalog, known_albums.covers(1)[0]

    found = catalog.search(cover, k=2, filters=Filters(), named="odd")
    listed = catalog.find_albums(None, limit=2)
    similar = catalog.similar("plain", k=1, filters=Filters())

    scores = {match.album.id: match.album.pitchfork_score for match in found}
    assert scores == {"odd": None, "plain": 8.0}
    assert [album.pitchfork_score for album in found.named] == [None]
    assert [each.album.pitchfork_score for each in listed.albums] == [None, 8.0]
    assert [match.album.pitchfork_score for match in similar] == [None]
    assert catalog.album("odd").pitchfork_score is None


def test_statistics_leave_odd_scores_out(odd_catalog: Opened) -> None:
    stats = odd_catalog.catalog.stats()

    assert (stats.score_average, stats.score_min, stats.score_max) == (8.0, 8.0, 8.0)
    assert stats.total_albums == 2


def test_facets_count_an_odd_score_as_missing(odd_catalog: Opened) -> None:
    facets = FacetCounter(odd_catalog.catalog).count(Filters(), version=odd_catalog.catalog.version())

    assert facets.scores == ((8, 1), (None, 1))


def test_an_odd_score_meets_no_filter_by_score(odd_catalog: Opened, known_albums: KnownAlbums) -> None:
    (cover,), filters = known_albums.covers(1), Filters(min_score=0)

    found = odd_catalog.catalog.search(np.asarray(cover), k=2, filters=filters)
    facets = FacetCounter(odd_catalog.catalog).count(filters, version=odd_catalog.catalog.version())

    assert [match.album.id for match in found] == ["plain"]
    assert facets.total == 1
