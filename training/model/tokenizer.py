"""Trains the demo model's tokenizer, CLIP's byte-level BPE, on demo captions and neutral words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from catalog.demo.albums import demo_albums
from training.data.phrases import describe, prompts
from training.data.vocabulary import NEUTRAL_WORDS
from training.model.bpe_merges import learn_merges

START, END = "<|startoftext|>", "<|endoftext|>"
_MERGES = 2300
_CONTEXT = 48
_CAPTIONS = 3000
_PROMPT_ROUNDS = 20
_NEUTRAL_TIMES = 8


def train_tokenizer(*, seed: int) -> CLIPTokenizer:
    """Return a tokenizer with one token for each word of the demo captions; other words are split.

    The end token has the highest id, as in OpenAI's vocabulary, because some programs find the end token by
    its highest id.
    """
    merges: Any = learn_merges(_word_counts(seed=seed), count=_MERGES)
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = [
        *symbols,
        *(f"{symbol}</w>" for symbol in symbols),
        *("".join(pair) for pair in merges),
        START,
        END,
    ]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(known))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=_CONTEXT)


def _word_counts(*, seed: int) -> Counter[str]:
    """Return the number of occurrences of each word; texts are split and byte-encoded as in CLIP."""
    backend = CLIPTokenizer().backend_tokenizer
    counts: Counter[str] = Counter()
    for sentence in _sentences(seed=seed):
        plain = backend.normalizer.normalize_str(sentence)
        counts.update(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(plain))
    return counts


def _sentences(*, seed: int) -> Iterator[str]:
    rng = Random(f"tokens {seed}")
    for album in demo_albums(_CAPTIONS, seed=seed):
        yield album.caption
        yield describe(album.look, genre=album.genre, rng=rng).text
    for _ in range(_PROMPT_ROUNDS):
        yield from (phrase.text for phrase in prompts(rng))
    for word in NEUTRAL_WORDS:
        yield from [word] * _NEUTRAL_TIMES
