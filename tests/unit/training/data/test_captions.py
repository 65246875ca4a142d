"""Captions from metadata are true and varied, and match every album that they describe."""

from random import Random
from typing import Any

import pytest

from catalog.ingest.columns.fields import Album, AlbumFields
from tests.optional_packages import NEEDS_TORCH
from training.data.phrases import Phrase

pytest.importorskip("torch", reason=NEEDS_TORCH)

from training.data.captions import caption, facts_of, matches, random_caption


def album(name: str = "Blue Hour", *, metadata: dict[str, object] | None = None, **fields: Any) -> Album:
    known = AlbumFields(id=name, artist="Ada Varga", album_name=name, **fields)
    return Album(row=1, fields=known, cover=None, metadata=metadata or {})


def texts(subject: Album, count: int = 60) -> list[Phrase]:
    return [random_caption(subject, rng=Random(number)) for number in range(count)]


def test_without_a_description_the_caption_lists_the_metadata() -> None:
    text = caption(album(genre="Jazz", release_year=1961))

    assert text == "Blue Hour by Ada Varga, Jazz, 1961"


def test_a_description_in_any_known_column_is_the_caption() -> None:
    assert caption(album(metadata={"caption": " A red circle "})) == "A red circle"
    assert caption(album(metadata={"description": "A tree"})) == "A tree"
    assert caption(album(metadata={"caption": 7})) == "Blue Hour by Ada Varga"


def test_texts_vary_and_use_only_known_metadata() -> None:
    captions = {phrase.text for phrase in texts(album(genre="Jazz"))}

    assert len(captions) > 3
    assert not any("None" in text or "best new music" in text for text in captions)


def test_a_text_depends_only_on_the_random_generator() -> None:
    jazz_album = album(genre="Jazz", release_year=1961, best_new_music=True)

    assert texts(jazz_album) == texts(jazz_album)


def test_every_text_matches_its_own_album() -> None:
    jazz_album = album(
        genre="Jazz", release_year=1961, best_new_music=True, metadata={"caption": "A blue circle"}
    )

    assert matches(texts(jazz_album), [facts_of(jazz_album)]).all()


def test_a_text_matches_every_album_it_describes() -> None:
    jazz, more_jazz, rock = album("A", genre="Jazz"), album("B", genre="Jazz"), album("C", genre="Rock")
    of_genre = Phrase("Jazz album cover", frozenset({"genre:Jazz"}))

    matched = matches([of_genre], [facts_of(each) for each in (jazz, more_jazz, rock)])

    assert matched.tolist() == [[True, True, False]]


def test_albums_with_equal_descriptions_match_the_same_text() -> None:
    twins = [album(name, metadata={"caption": "A blue circle"}) for name in ("A", "B")]
    alone = next(phrase for phrase in texts(twins[0]) if phrase.text == "A blue circle")

    assert matches([alone], [facts_of(twin) for twin in twins]).tolist() == [[True, True]]
