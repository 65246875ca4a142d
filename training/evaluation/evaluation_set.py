"""The data of an evaluation: covers, their captions, and search words with the covers that each describes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from catalog.demo.albums import DemoAlbum
from catalog.demo.captions import with_article
from catalog.demo.cover_attributes import FACTS, Look, facts
from catalog.ingest.columns.fields import Album
from training.data.captions import caption
from training.data.drawn_covers import Pixels
from training.data.phrases import word_for

#: Maps each class of search words to its kinds of facts; the README shows the results of the first four
#: classes.
WORD_CLASSES: dict[str, tuple[str, ...]] = {
    "colour": ("colour",),
    "brightness": ("tone",),
    "shape": ("shape",),
    "layout": ("layout",),
    "texture": ("texture",),
    "background colour": ("ground",),
    "scheme": ("scheme",),
}

#: Maps each combination of attributes to its kinds of facts and to the form of its queries, such as "red
#: circle on a black background". A query is asked if at least `_COVERS_LEAST` covers meet it.
COMBINATIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "colour + shape": (("ink", "shape"), "{ink} {shape}"),
    "shape + background": (("shape", "ground"), "{shape} on {ground}"),
    "colour + shape + background": (("ink", "shape", "ground"), "{ink} {shape} on {ground}"),
}
_COVERS_LEAST = 5
#: Each word is searched once in each of these forms, and its precision is the mean over the forms.
FORMS = ("{}", "{} album cover", "an album with {}")
#: A value is used as a search word only if at least this many albums have it, because the precision for a
#: rarer value would depend on too few albums.
_ALBUMS_LEAST = 3
_VALUES_MOST = 50
_GENRE_FORMS = ("{}", "{} album cover", "cover of a {} album")


class Pictures(Protocol):
    """A collection of covers that can be iterated over several times."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Image.Image]: ...


@dataclass(frozen=True, slots=True)
class StoredPictures:
    """Covers that are selected by index from a file of pixels (n, size, size, 3)."""

    pixels: Pixels
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Image.Image]:
        return (Image.fromarray(self.pixels[place]) for place in self.places)


@dataclass(frozen=True, slots=True)
class Question:
    """A search word or a combination of words, its search texts, and for each cover whether it is true."""

    word_class: str
    word: str
    texts: Sequence[str]
    true: Sequence[bool]
    #: The number of results that are judged.
    k: int = 10


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Covers with their captions in the same order, and the questions about the covers."""

    pictures: Pictures
    captions: Sequence[str]
    questions: Sequence[Question] = ()


def demo_set(albums: Sequence[DemoAlbum], pictures: Sequence[Image.Image]) -> EvaluationSet:
    """Return the evaluation set of demo covers, whose attributes are all known."""
    known = [facts(album.look, genre=album.genre) for album in albums]
    return EvaluationSet(pictures, [album.caption for album in albums], list(_about_looks(known)))


def table_set(
    albums: Sequence[Album], pictures: Pictures, *, attributes: Sequence[str] = ()
) -> EvaluationSet:
    """Return the evaluation set of a table; `attributes` are metadata keys whose values are search words."""
    questions = list(_about_values("genre", [album.fields.genres for album in albums]))
    for key in attributes:
        values = [album.metadata.get(key) for album in albums]
        questions += _about_values(key, [(value,) if isinstance(value, str) else () for value in values])
    looks = [_look_of(album) for album in albums]
    if all(look is not None for look in looks):
        known = [facts(k, genre=a.fields.genre or "") for k, a in zip(looks, albums, strict=True) if k]
        questions += _about_looks(known)
    return EvaluationSet(pictures, [caption(album) for album in albums], questions)


def _about_looks(known: Sequence[frozenset[str]]) -> Iterator[Question]:
    for word_class in WORD_CLASSES:
        for fact in words_of(word_class):
            true = [fact in facts_known for facts_known in known]
            if any(true):
                yield Question(word_class, fact.partition(":")[2], queries(fact), true)
    for word_class, (kinds, form) in COMBINATIONS.items():
        yield from _about_combinations(known, word_class, kinds=kinds, form=form)


def _about_combinations(
    known: Sequence[frozenset[str]], word_class: str, *, kinds: tuple[str, ...], form: str
) -> Iterator[Question]:
    """Yield a question for each combination of facts that enough covers have."""
    by_kind = [{fact.partition(":")[0]: fact for fact in facts_known} for facts_known in known]
    counts = Counter(tuple(own[kind] for kind in kinds) for own in by_kind if own.keys() >= set(kinds))
    for combined, count in sorted(counts.items()):
        if count >= _COVERS_LEAST:
            words = {kind: word_for(fact) for kind, fact in zip(kinds, combined, strict=True)}
            if "ground" in words:
                words["ground"] = with_article(words["ground"])
            text = form.format(**words)
            true = [facts_known.issuperset(combined) for facts_known in known]
            yield Question(word_class, text, [text], true, k=_COVERS_LEAST)


def _about_values(word_class: str, values: Sequence[Sequence[str]]) -> Iterator[Question]:
    """Yield a question for each value that several albums list first; all albums with the value are right."""
    counts = Counter(own[0] for own in values if own and own[0])
    for value, count in counts.most_common(_VALUES_MOST):
        if count >= _ALBUMS_LEAST:
            texts = [form.format(value) for form in _GENRE_FORMS] if word_class == "genre" else [value]
            yield Question(word_class, value, texts, [value in own for own in values])


def _look_of(album: Album) -> Look | None:
    """Return the visual attributes of a demo cover, or None for other covers."""
    look: Any = album.metadata.get("look")
    try:
        return Look(**look)
    except TypeError:
        return None


def words_of(word_class: str) -> list[str]:
    """Return the facts of one class of words, each as `kind:name`."""
    return [fact for fact in FACTS if fact.partition(":")[0] in WORD_CLASSES[word_class]]


def queries(fact: str) -> list[str]:
    """Return the search texts for a fact."""
    return [form.format(word_for(fact)) for form in FORMS]
