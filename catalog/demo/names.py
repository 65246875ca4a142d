"""Invented names of artists, albums and reviewers."""

from __future__ import annotations

from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words(
    """
    Amber Velvet Silent Paper Electric Hollow Golden Northern Broken Tender Crystal Rusted Lunar Wild
    Distant Feral Ivory Copper Neon Slow Second Little Burning Frozen Gentle Midnight Salt Open Quiet
    Thirsty Blind Inner Plastic Sunday Iron Glass Lost Modern Sleeping Pacific
    """
)
_NOUNS = _words(
    """
    Harbor Lantern Orchard Signal Parade Meridian Garden Engine Tide Cinema Wolves Letters Kites Antenna
    River Motel Choir Machines Satellite Comet Season Mirror Valley Hotel Rooms Ghosts Painter Thunder
    Atlas Swimmers Bloom Static Ritual Theory Colony Shoreline Habit Empire Weather Arcade
    """
)
_FIRST = _words(
    """
    Ada Milo Ines Otto Rhea Jonas Lena Idris Mara Tomas Nell Kofi Yara Sven Ruth Hugo Priya Emil Vera
    Dario Noor Felix Alma Joaquin Tess Bram Leila Oskar June Mateo
    """
)
_LAST = _words(
    """
    Varga Okoro Lindqvist Marsh Delacroix Amari Holt Ferreira Novak Quill Sato Brandt Moreau Achebe
    Winter Rossi Castellan Hale Dunne Petrov Osei Larkin Voss Bellamy Ito Navarro Keane Abara Stone
    Weiss
    """
)
_VERBS = _words(
    """
    Leaving Chasing Learning Burning Counting Holding Dreaming Waiters Falling Building Crossing Naming
    """
)
_REVIEWERS = 18


def artist(rng: Random) -> str:
    """Return the name of a band or a person."""
    form = rng.random()
    if form < 0.35:
        return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
    if form < 0.55:
        return f"The {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}"
    if form < 0.75:
        return f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}"
    if form < 0.88:
        return f"{rng.choice(_FIRST)} & the {rng.choice(_NOUNS)}"
    return rng.choice(_NOUNS)


def album_name(rng: Random) -> str:
    """Return an album title."""
    form = rng.random()
    if form < 0.3:
        return f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}"
    if form < 0.5:
        return f"{rng.choice(_VERBS)} the {rng.choice(_NOUNS)}"
    if form < 0.65:
        return f"{rng.choice(_NOUNS)} of {rng.choice(_NOUNS)}"
    if form < 0.8:
        return rng.choice(_NOUNS)
    if form < 0.92:
        return f"{rng.choice(_NOUNS)}, {rng.choice(_ADJECTIVES)}"
    return f"{rng.choice(_NOUNS)} {rng.choice(['I', 'II', 'III', 'IV'])}"


def reviewer(rng: Random) -> str:
    """Return the name of one of 18 reviewers."""
    chosen = rng.randrange(_REVIEWERS)
    return f"{_FIRST[chosen]} {_LAST[-1 - chosen]}"
