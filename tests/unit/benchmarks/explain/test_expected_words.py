"""The words of the visual vocabulary that are true of a demo cover."""

from dataclasses import replace

import pytest

from benchmarks.explain.expected_words import FACTS_OF_WORDS, OTHER_MEANINGS, is_true
from catalog.demo.albums import DemoAlbum, demo_albums
from worker.explain.vocabulary import VisualVocabulary

WORDS = VisualVocabulary.load().words


def album(**attributes: object) -> DemoAlbum:
    """Return a copy of the first demo album whose cover has these attributes."""
    first = demo_albums(1)[0]
    return replace(first, look=replace(first.look, **attributes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "attributes"),
    [
        ("moon", {"shape": "moon"}),
        ("gold", {"ground": "yellow", "texture": "plain"}),
        ("gloomy", {"tone": "dark"}),
        ("repeated pattern", {"layout": "grid"}),
        ("marbled", {"texture": "marbled"}),
        ("dark red", {"ground": "red", "tone": "dark"}),
        ("polka dots", {"texture": "halftone"}),
    ],
)
def test_a_word_is_true_of_a_cover_with_its_attributes(word: str, attributes: dict[str, object]) -> None:
    assert is_true(word, album(**attributes))


@pytest.mark.parametrize(
    ("word", "attributes"),
    [
        ("moon", {"shape": "sun"}),
        ("dark red", {"ground": "red", "tone": "pale"}),
        ("rose", {"ground": "pink", "shape": "flower"}),
        ("woman", {}),
        ("photograph", {}),
    ],
)
def test_a_word_is_false_of_a_cover_without_its_attributes(word: str, attributes: dict[str, object]) -> None:
    assert not is_true(word, album(**attributes))


def test_every_word_with_facts_or_another_meaning_is_in_the_vocabulary() -> None:
    assert FACTS_OF_WORDS.keys() | OTHER_MEANINGS <= set(WORDS)
