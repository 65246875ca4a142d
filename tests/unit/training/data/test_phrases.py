"""Training phrases are true and varied, and each fact has a question."""

from random import Random

from catalog.demo.albums import demo_albums
from catalog.demo.cover_attributes import FACTS, facts
from training.data.phrases import PROMPT_FACTS, describe, prompts, word_for


def test_a_phrase_uses_only_facts_of_its_cover() -> None:
    rng = Random(1)
    for album in demo_albums(400):
        phrase = describe(album.look, genre=album.genre, rng=rng)

        assert phrase.text
        assert phrase.requires <= facts(album.look, genre=album.genre)


def test_phrases_about_one_cover_vary_in_length_and_words() -> None:
    album, rng = demo_albums(1)[0], Random(2)

    phrases = {describe(album.look, genre=album.genre, rng=rng).text for _ in range(100)}
    lengths = {len(phrase.split()) for phrase in phrases}

    assert len(phrases) > 60
    assert min(lengths) <= 2
    assert max(lengths) >= 9


def test_every_promptable_fact_has_one_question() -> None:
    asked = prompts(Random(3))

    assert [phrase.requires for phrase in asked] == [frozenset({fact}) for fact in PROMPT_FACTS]
    assert set(PROMPT_FACTS) <= set(FACTS)


def test_every_fact_has_plain_words() -> None:
    assert word_for("colour:red") == "red"
    assert word_for("ground:blue") == "blue background"
    assert word_for("layout:minimalist") == "minimalist"
    assert word_for("scheme:monochrome") == "monochrome"
