"""The data file of the visual vocabulary."""

from common.result_json import WORD_GROUPS
from common.search_query import EXPLANATION_VERSION
from worker.explain.vocabulary import VisualVocabulary

VOCABULARY = VisualVocabulary.load()
#: The version of the vocabulary file for each version of explanations. If the file changed without a new
#: `EXPLANATION_VERSION`, cached explanations would keep the former words.
VERSIONS = {1: "1-c620327fa43d"}


def test_the_vocabulary_has_some_300_different_words_in_five_groups() -> None:
    assert 280 <= len(VOCABULARY.words) <= 340
    assert len(set(VOCABULARY.words)) == len(VOCABULARY.words)
    assert tuple(group.name for group in VOCABULARY.groups) == WORD_GROUPS


def test_the_groups_cover_all_words_without_overlap() -> None:
    covered = [place for group in VOCABULARY.groups for place in range(group.places.start, group.places.stop)]

    assert covered == list(range(len(VOCABULARY.words)))


def test_every_text_contains_its_word() -> None:
    words = VOCABULARY.words * len(VOCABULARY.forms)

    assert len(VOCABULARY.texts) == len(words)
    assert all(word in text for word, text in zip(words, VOCABULARY.texts, strict=True))
    assert not any("{" in text for text in VOCABULARY.texts)


def test_a_changed_vocabulary_has_a_new_explanation_version() -> None:
    assert VERSIONS[EXPLANATION_VERSION] == VOCABULARY.version
