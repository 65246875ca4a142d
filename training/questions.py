"""Owns the words that evaluation asks for, by class, and which covers are right answers to each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from catalog.demo.albums import DemoAlbum
from catalog.demo.look import FACTS, facts
from training.phrases import word_for

#: Classes of words that a visitor may search for; README figures stand on the first four.
WORD_CLASSES: dict[str, tuple[str, ...]] = {
    "colour": ("colour",),
    "brightness": ("tone",),
    "shape": ("shape",),
    "layout": ("layout",),
    "texture": ("texture",),
    "background colour": ("ground",),
    "scheme": ("scheme",),
}

#: Every word is asked in each of these ways and the precision is their mean.
FORMS = ("{}", "{} album cover", "an album with {}")


def words_of(word_class: str) -> list[str]:
    """Return the facts of one class, as `kind:name`."""
    return [fact for fact in FACTS if fact.partition(":")[0] in WORD_CLASSES[word_class]]


def queries(fact: str) -> list[str]:
    """Return the texts that ask for a fact."""
    return [form.format(word_for(fact)) for form in FORMS]


def relevance(asked: Sequence[str], albums: Sequence[DemoAlbum]) -> Tensor:
    """Return whether each fact is true of each album, boolean (facts, albums)."""
    true = [facts(album.look, genre=album.genre) for album in albums]
    return torch.tensor([[fact in known for known in true] for fact in asked])
