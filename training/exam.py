"""Owns what a model is asked: covers, the caption of each, and words with the covers they are true of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from catalog.demo.albums import DemoAlbum
from catalog.demo.look import Look, facts
from catalog.ingest.mapping import Album
from training.captions import caption
from training.drawings import Pixels
from training.questions import WORD_CLASSES, queries, words_of

#: A value that fewer albums have says more about them than about the model.
_ALBUMS_LEAST = 3
_VALUES_MOST = 50
_GENRE_FORMS = ("{}", "{} album cover", "cover of a {} album")


class Pictures(Protocol):
    """Covers, each made anew whenever it is asked for."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Image.Image]: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """Some of the covers of a file of pixels (n, size, size, 3), by their places."""

    pixels: Pixels
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Image.Image]:
        return (Image.fromarray(self.pixels[place]) for place in self.places)


@dataclass(frozen=True, slots=True)
class Question:
    """A word asked in several ways, and of which covers it is true."""

    word_class: str
    word: str
    texts: Sequence[str]
    true: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Exam:
    """Covers with their captions in the same order, and the questions about them."""

    pictures: Pictures
    captions: Sequence[str]
    questions: Sequence[Question] = ()


def demo_exam(albums: Sequence[DemoAlbum], pictures: Sequence[Image.Image]) -> Exam:
    """Return the exam on demo covers, of which everything is known."""
    known = [facts(album.look, genre=album.genre) for album in albums]
    return Exam(pictures, [album.caption for album in albums], list(_about_looks(known)))


def table_exam(albums: Sequence[Album], pictures: Pictures, *, attributes: Sequence[str] = ()) -> Exam:
    """Return the exam on a table's albums; `attributes` are keys of their metadata with one word each."""
    questions = list(_about_values("genre", [album.fields.genre for album in albums]))
    for key in attributes:
        values = [album.metadata.get(key) for album in albums]
        questions += _about_values(key, [value if isinstance(value, str) else None for value in values])
    looks = [_look_of(album) for album in albums]
    if all(look is not None for look in looks):
        known = [facts(k, genre=a.fields.genre or "") for k, a in zip(looks, albums, strict=True) if k]
        questions += _about_looks(known)
    return Exam(pictures, [caption(album) for album in albums], questions)


def _about_looks(known: Sequence[frozenset[str]]) -> Iterator[Question]:
    for word_class in WORD_CLASSES:
        for fact in words_of(word_class):
            true = [fact in facts_known for facts_known in known]
            if any(true):
                yield Question(word_class, fact.partition(":")[2], queries(fact), true)


def _about_values(word_class: str, values: Sequence[str | None]) -> Iterator[Question]:
    counts = Counter(value for value in values if value)
    for value, count in counts.most_common(_VALUES_MOST):
        if count >= _ALBUMS_LEAST:
            texts = [form.format(value) for form in _GENRE_FORMS] if word_class == "genre" else [value]
            yield Question(word_class, value, texts, [found == value for found in values])


def _look_of(album: Album) -> Look | None:
    """Return how a demo cover was drawn; no other table knows."""
    look: Any = album.metadata.get("look")
    try:
        return Look(**look)
    except TypeError:
        return None
