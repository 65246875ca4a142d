"""Tests of the demo model's tokenizer."""

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from transformers import PreTrainedTokenizerBase

from training.model.tokenizer import END, START, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer(seed=1)


@pytest.mark.parametrize(
    "query", ["dark ambient cover", "red guitar", "Colourful minimalist artwork", "album with a blue circle"]
)
def test_common_words_about_covers_are_single_tokens(tokenizer: PreTrainedTokenizerBase, query: str) -> None:
    assert len(tokenizer.tokenize(query)) == len(query.split())


def test_any_text_survives_encoding_and_decoding(tokenizer: PreTrainedTokenizerBase) -> None:
    text = "zürich 東京 xyzzy!"

    ids = tokenizer(text).input_ids

    assert str(tokenizer.decode(ids, skip_special_tokens=True)).replace(" ", "") == text.replace(" ", "")


def test_texts_are_enclosed_in_special_tokens_and_the_end_has_the_highest_id(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    ids = tokenizer("red").input_ids

    assert [ids[0], ids[-1]] == tokenizer.convert_tokens_to_ids([START, END])
    assert ids[-1] == len(tokenizer) - 1


def test_the_same_seed_gives_the_same_vocabulary(tokenizer: PreTrainedTokenizerBase) -> None:
    assert train_tokenizer(seed=1).get_vocab() == tokenizer.get_vocab()
