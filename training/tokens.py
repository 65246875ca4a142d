"""Owns the demo model's tokenizer: CLIP's byte-level BPE, trained on our captions and plain words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from catalog.demo.albums import demo_albums
from training import words
from training.phrases import describe, prompts

START, END = "<|startoftext|>", "<|endoftext|>"
_VOCABULARY = 2800
_CONTEXT = 48
_CAPTIONS = 3000
_BYTES = frozenset(pre_tokenizers.ByteLevel.alphabet())


def train_tokenizer(*, seed: int) -> CLIPTokenizer:
    """Return a tokenizer that knows the words of covers whole and spells out all others."""
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY - 2,
        initial_alphabet=sorted(_BYTES),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    blank = CLIPTokenizer()
    learner.normalizer = blank.backend_tokenizer.normalizer
    learner.pre_tokenizer = blank.backend_tokenizer.pre_tokenizer
    learner.train_from_iterator(_sentences(seed=seed), trainer)
    return _clip_tokenizer(learner)


def _sentences(*, seed: int) -> Iterator[str]:
    rng = Random(f"tokens {seed}")
    for album in demo_albums(_CAPTIONS, seed=seed):
        yield album.caption
        yield describe(album.look, genre=album.genre, rng=rng).text
    for _ in range(20):
        yield from (phrase.text for phrase in prompts(rng))
    yield from _repeated(words.NEUTRAL_WORDS, times=8)


def _repeated(items: Iterable[str], *, times: int) -> Iterator[str]:
    for item in items:
        yield from [item] * times


def _clip_tokenizer(learner: Tokenizer) -> CLIPTokenizer:
    """Return the learnt merges as CLIP's tokenizer, the end token having the highest id as in OpenAI's."""
    vocabulary: dict[str, int] = {}
    for token, _ in sorted(learner.get_vocab().items(), key=lambda item: item[1]):
        for form in (token, f"{token}</w>") if token in _BYTES else (token,):
            vocabulary.setdefault(form, len(vocabulary))
    vocabulary[START] = len(vocabulary)
    vocabulary[END] = len(vocabulary)
    merges: Any = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=_CONTEXT)
