"""Both catalogs count albums by value exactly, with and without filters."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.counts import Facets
from common.catalog.protocol import Catalog
from common.colours.names import main_colour
from common.filters import Filters
from common.genres import genre_key
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import (
    BLUE,
    RED,
    RED_COLOR,
    SECOND,
    KnownAlbums,
    Row,
    paint,
    palette_of,
    write,
)

CASES = {
    "no filter": Filters(),
    "a genre": Filters(genres=("rock",)),
    "a second genre in another spelling": Filters(genres=(SECOND[1],)),
    "two genres and years": Filters(genres=("Jazz", "Electronic"), year_min=1980, year_max=1999),
    "a score": Filters(min_score=7.3),
    "best new music": Filters(best_new_music=True),
    "everything": Filters(
        genres=("Rock", "Rap"), year_min=1970, year_max=2010, min_score=2.5, best_new_music=True
    ),
    "a colour": Filters(color=RED_COLOR),
    "a colour, a genre and years": Filters(color=RED_COLOR, genres=("Rock",), year_min=1980),
    "nothing passes": Filters(genres=("Far",), year_min=2000),
}


def count(catalog: Catalog, filters: Filters) -> Facets:
    return FacetCounter(catalog).count(filters, version=catalog.version())


def meets(row: Row, filters: Filters, *, ignoring: str = "") -> bool:
    keys = {genre_key(name) for name in genres_of(row)}
    year, score = row.release_year, row.pitchfork_score
    return all(
        [
            ignoring == "genre" or not filters.genres or keys & {genre_key(n) for n in filters.genres},
            ignoring == "year" or filters.year_min is None or (year is not None and year >= filters.year_min),
            ignoring == "year" or filters.year_max is None or (year is not None and year <= filters.year_max),
            ignoring == "score"
            or filters.min_score is None
            or (score is not None and float(score) >= filters.min_score),
            ignoring == "color" or filters.color is None or palette_of(row) == RED,
            ignoring == "best" or not filters.best_new_music or bool(row.best_new_music),
        ]
    )


def genres_of(row: Row) -> list[str]:
    return [name for name in (row.genre, *row.other_genres) if name]


def decade(row: Row) -> int | None:
    return None if row.release_year is None else row.release_year // 10 * 10


def band(row: Row) -> int | None:
    return None if row.pitchfork_score is None else min(int(row.pitchfork_score), 9)


def main_colour_of(row: Row) -> str | None:
    palette = palette_of(row)
    return None if palette is None else main_colour(palette)


def by(rows: list[Row], value: Callable[[Row], Any]) -> dict[Any, int]:
    return dict(Counter(map(value, rows)))


@pytest.mark.parametrize("case", CASES)
def test_the_counts_are_exact_and_ignore_their_own_filter(
    catalog: Catalog, known_albums: KnownAlbums, case: str
) -> None:
    filters = CASES[case]

    facets = count(catalog, filters)

    def passing(ignoring: str = "") -> list[Row]:
        return [row for row in known_albums.rows if meets(row, filters, ignoring=ignoring)]

    assert facets.total == len(passing())
    keys: Counter[str | None] = Counter()
    for row in passing("genre"):
        own: list[str | None] = list({genre_key(name) for name in genres_of(row)})
        keys.update(own or [None])
    assert {name and genre_key(name): count for name, count in facets.genres} == keys
    assert dict(facets.decades) == by(passing("year"), decade)
    assert dict(facets.scores) == by(passing("score"), band)
    best = by(passing("best"), lambda row: bool(row.best_new_music))
    assert (facets.best_new_music, facets.not_best_new_music) == (best.get(True, 0), best.get(False, 0))
    assert dict(facets.colours) == by(passing("color"), main_colour_of)


def test_genres_have_the_spelling_of_the_list_of_genres(catalog: Catalog) -> None:
    assert sorted(name for name, _ in count(catalog, Filters()).genres if name) == sorted(catalog.genres())


def test_counts_have_the_version_of_the_catalog(catalog: Catalog) -> None:
    assert count(catalog, Filters()).version == catalog.version()


def test_an_empty_catalog_has_no_counts(writable: Opened) -> None:
    facets = count(writable.catalog, Filters())

    assert (facets.total, facets.genres, facets.decades, facets.colours) == (0, (), (), ())


def test_colours_are_counted_by_the_main_colour_whatever_the_filter(
    writable: Opened, known_albums: KnownAlbums
) -> None:
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=name, embedding=known_albums.covers(1)[0]) for name in "abcd"])
        paint(connection, {"a": RED, "b": RED, "c": BLUE})

    facets = count(writable.catalog, Filters(color=RED_COLOR))

    assert facets.total == 2
    assert facets.genres == ((None, 2),)
    assert facets.colours == (("white", 2), ("blue", 1), (None, 1))
