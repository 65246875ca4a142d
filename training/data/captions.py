"""Makes captions of an album from its metadata and from templates that are chosen at random.

A text matches every album that it describes correctly, so "Jazz album cover" matches all jazz albums. If a
batch contains several albums that match a text, each of these albums is a right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from string import Formatter

import torch
from torch import Tensor

from catalog.ingest.columns.fields import Album
from training.data.phrases import Phrase

#: The columns or `metadata` keys that can contain a description of the cover; the first one with a text is
#: used.
DESCRIPTIONS = ("caption", "description")
_TEMPLATES = (
    "{album_name} by {artist}",
    "the cover of {album_name} by {artist}",
    "{artist}: {album_name}, {release_year}",
    "{album_name} by {artist}, {genre}",
    "{genre} album by {artist}",
    "{genre} album cover",
    "cover of a {genre} album from {release_year}",
    "{album_name} by {artist}, {genre}, {release_year}",
)
_ACCLAIMED = "best new music"
#: Shares of the texts for an album that has a description: the share that consists only of the description,
#: and the share that combines the description with a template.
_ALONE, _WITH_TEMPLATE = 0.7, 0.15
_ACCLAIMED_SHARE = 0.3


def caption(album: Album) -> str:
    """Return an album's caption for evaluation: its description, or the template with the most fields."""
    return description(album) or max(_usable(album), key=lambda template: len(_fields_of(template))).format(
        **_values(album)
    )


def description(album: Album) -> str | None:
    """Return the description of the cover in the album's metadata, or None if there is none."""
    said = (album.metadata.get(key) for key in DESCRIPTIONS)
    return next((text.strip() for text in said if isinstance(text, str) and text.strip()), None)


def random_caption(album: Album, *, rng: Random) -> Phrase:
    """Return a random text that is true of an album."""
    told = description(album)
    dice = rng.random()
    if told is not None and dice < _ALONE:
        return _described(told)
    phrase = _filled(album, rng=rng)
    if told is None or dice >= _ALONE + _WITH_TEMPLATE:
        return phrase
    seen = _described(told)
    return Phrase(f"{seen.text}, {phrase.text}", seen.requires | phrase.requires)


def facts_of(album: Album) -> frozenset[str]:
    """Return all facts about an album that a text can require."""
    known = {f"{name}:{value}" for name, value in _values(album).items()}
    known |= {f"genre:{genre}" for genre in album.fields.genres}
    if album.fields.best_new_music:
        known.add(_ACCLAIMED)
    told = description(album)
    return frozenset(known) | (_described(told).requires if told is not None else frozenset())


def matches(phrases: Sequence[Phrase], facts: Sequence[frozenset[str]]) -> Tensor:
    """Return a boolean matrix (texts, albums) that tells whether each text is true of each album."""
    return torch.tensor([[phrase.requires <= known for known in facts] for phrase in phrases])


def _described(text: str) -> Phrase:
    return Phrase(text, frozenset({f"described:{text.casefold()}"}))


def _filled(album: Album, *, rng: Random) -> Phrase:
    values, template = _values(album), rng.choice(_usable(album))
    text = template.format(**values)
    requires = frozenset(f"{name}:{values[name]}" for name in _fields_of(template))
    if album.fields.best_new_music and rng.random() < _ACCLAIMED_SHARE:
        return Phrase(f"{text}, {_ACCLAIMED}", requires | {_ACCLAIMED})
    return Phrase(text, requires)


def _values(album: Album) -> dict[str, object]:
    fields = album.fields.model_dump(include={"artist", "album_name", "genre", "release_year"})
    return {name: value for name, value in fields.items() if value is not None}


def _usable(album: Album) -> list[str]:
    known = set(_values(album))
    return [template for template in _TEMPLATES if known.issuperset(_fields_of(template))]


def _fields_of(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]
