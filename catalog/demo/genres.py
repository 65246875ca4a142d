"""The genres of the demo catalog: how common each genre is, and what its covers look like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GenreProfile:
    """A genre's share of albums and its preferred attributes; `tones` are weights of dark, bright, pale."""

    share: float
    tones: tuple[float, float, float]
    colours: frozenset[str]
    shapes: frozenset[str]


def _genre(share: float, tones: tuple[float, float, float], colours: str, shapes: str) -> GenreProfile:
    return GenreProfile(share, tones, frozenset(colours.split()), frozenset(shapes.split(", ")))


#: Maps an album's first genre to its possible second genres; the cover does not show the second genre.
STYLES: dict[str, tuple[str, ...]] = {
    "Rock": ("Punk", "Shoegaze"),
    "Electronic": ("Ambient", "Techno"),
    "Experimental": ("Ambient", "Noise"),
    "Rap": ("Trap",),
    "Pop/R&B": ("Soul",),
    "Metal": ("Doom", "Noise"),
    "Folk/Country": ("Americana",),
    "Jazz": ("Soul",),
    "Global": ("Afrobeat",),
}
GENRES: dict[str, GenreProfile] = {
    "Rock": _genre(0.30, (4, 4, 2), "red black blue", "guitar, lightning bolt, star, vinyl record, eye"),
    "Electronic": _genre(0.18, (4, 4, 2), "blue purple teal", "circle, ring, hexagon, square, wave, spiral"),
    "Experimental": _genre(0.12, (4, 3, 3), "black grey white", "spiral, diamond, eye, triangle, cloud"),
    "Rap": _genre(0.11, (4, 5, 1), "black yellow red", "crown, cassette, key, diamond, skull"),
    "Pop/R&B": _genre(0.10, (1, 5, 4), "pink purple yellow", "heart, flower, star, butterfly, sun"),
    "Metal": _genre(0.065, (8, 1, 1), "black red grey", "skull, cross, lightning bolt, anchor, moon"),
    "Folk/Country": _genre(.06, (2, 2, 5), "green brown yellow", "tree, leaf, bird, house, mountain, guitar"),
    "Jazz": _genre(0.035, (3, 4, 3), "blue teal orange", "vinyl record, wave, moon, fish, boat"),
    "Global": _genre(0.025, (1, 6, 3), "orange green yellow", "sun, bird, fish, cactus, leaf, boat"),
    "Spoken Word": _genre(0.005, (3, 2, 5), "white grey brown", "eye, house, key, cloud"),
}  # fmt: skip
