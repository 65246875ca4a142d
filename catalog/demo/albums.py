"""The albums of the demo catalog; every album depends only on the seed and on its number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from catalog.demo import names
from catalog.demo.captions import caption
from catalog.demo.cover_attributes import Look, random_look
from catalog.demo.genres import GENRES, STYLES

#: The seed of the demo catalog that `make run` loads.
DEMO_SEED = 1967

#: A PostgreSQL regular expression that matches the ids of the demo catalog's albums, and no other ids.
DEMO_ID_PATTERN = rf"^demo-{DEMO_SEED}-[0-9]{{5,}}$"

_YEARS = (1967, 2024)
_BEST_NEW_MUSIC_FROM = 8.2
_STYLED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class DemoAlbum:
    """One album of the demo catalog, with the attributes of its cover."""

    id: str
    artist: str
    album_name: str
    #: The first element of `genres`, which the cover and its caption show.
    genre: str
    genres: tuple[str, ...]
    release_year: int
    pitchfork_score: float
    best_new_music: bool
    reviewer: str
    caption: str
    look: Look


def demo_albums(count: int = 2000, *, seed: int = DEMO_SEED) -> list[DemoAlbum]:
    """Return the first `count` albums that a seed generates."""
    return [_album(number, seed=seed) for number in range(count)]


def _album(number: int, *, seed: int) -> DemoAlbum:
    # `Random` hashes a string seed with SHA-512, so its numbers are the same on every machine and unrelated
    # between albums.
    rng = Random(f"album {seed}/{number}")
    genre = rng.choices(list(GENRES), weights=[profile.share for profile in GENRES.values()])[0]
    look = random_look(rng, genre=genre)
    score = _score(rng)
    return DemoAlbum(
        id=f"demo-{seed}-{number:05d}",
        artist=names.artist(rng),
        album_name=names.album_name(rng),
        genre=genre,
        genres=_genres(genre, rng=Random(f"genres {seed}/{number}")),
        release_year=_year(rng),
        pitchfork_score=score,
        best_new_music=score >= _BEST_NEW_MUSIC_FROM and rng.random() < 0.5,
        reviewer=names.reviewer(rng),
        caption=caption(look, genre=genre, rng=rng),
        look=look,
    )


def _genres(first: str, *, rng: Random) -> tuple[str, ...]:
    """Return an album's genres, drawn from a separate `rng`, which does not affect other attributes."""
    styles = STYLES.get(first, ())
    return (first, rng.choice(styles)) if styles and rng.random() < _STYLED_SHARE else (first,)


def _score(rng: Random) -> float:
    """Return a review score from 0.0 to 10.0; most scores are between 6 and 8."""
    return round(min(10.0, max(0.0, rng.gauss(7.0, 1.3))), 1)


def _year(rng: Random) -> int:
    """Return a release year; later years are more likely, as in real album reviews."""
    first, last = _YEARS
    return first + round((last - first) * math.pow(rng.random(), 0.6))
