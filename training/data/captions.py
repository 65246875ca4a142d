"""Captions of an album, from its metadata and from templates that vary at every step.

A text matches every album of which it is true: "Jazz album cover" matches all jazz albums. If a batch
contains several matching albums, all of them are right answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from string import Formatter

import torch
from torch import Tensor

from catalog.ingest.columns.fields import Album
from training.data.phrases import Phrase

#: Columns, or keys of `metadata`, that describe the cover; the first that exists is used.
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
#: For an album with a description: share of texts that are the description alone, or with a template added.
_ALONE, _WITH_TEMPLATE = 0.7, 0.15
_ACCLAIMED_SHARE = 0.3


def caption(album: Album) -> str:
    """Return the caption for evaluation: the description, otherwise the template with the most fields."""
    return description(album) or max(_usable(album), key=lambda template: len(_fields_of(template))).format(
        **_values(album)
    )


def description(album: Album) -> str | None:
    """Return the description of the cover in the album's metadata, None if there is none."""
    said = (album.metadata.get(key) for key in DESCRIPTIONS)
    return next((text.strip() for text in said if isinstance(text, str) and text.strip()), None)


def random_caption(album: Album, *, rng: Random) -> Phrase:
    """Return a random true text about an album."""
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
    """Return all facts that a text may require of an album."""
    known = {f"{name}:{value}" for name, value in _values(album).items()}
    known |= {f"genre:{genre}" for genre in album.fields.genres}
    if album.fields.best_new_music:
        known.add(_ACCLAIMED)
    told = description(album)
    return frozenset(known) | (_described(told).requires if told is not None else frozenset())


def matches(phrases: Sequence[Phrase], facts: Sequence[frozenset[str]]) -> Tensor:
    """Return match[t, i]: text t is true of the album with facts i; boolean (texts, albums)."""
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
