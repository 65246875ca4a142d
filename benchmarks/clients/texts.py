"""Texts whose words are one token each, like most English words in CLIP's vocabulary."""

import json
import random
from pathlib import Path

from transformers import CLIPTokenizer

_CANDIDATES = 4000
_SHORTEST, _LONGEST = 3, 8


def words_of(model: Path) -> list[str]:
    """Return words that the model's tokenizer encodes as one token each."""
    tokenizer = CLIPTokenizer.from_pretrained(model)
    vocabulary = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    ended = (token.removesuffix("</w>") for token in vocabulary if token.endswith("</w>"))
    fit = [word for word in ended if _SHORTEST <= len(word) <= _LONGEST and word.isascii() and word.isalpha()]
    chosen = random.Random(1).sample(sorted(fit), min(_CANDIDATES, len(fit)))
    return [word for word in chosen if len(tokenizer(word)["input_ids"]) == 3]


class Texts:
    """An endless supply of different texts."""

    def __init__(self, words: list[str], *, seed: int) -> None:
        self._words = words
        self._draw = random.Random(seed)

    def of(self, words: int) -> str:
        """Return a text of the given number of words."""
        return " ".join(self._draw.choices(self._words, k=words))

    def mixed(self, count: int, *, shortest: int, longest: int) -> list[str]:
        """Return texts whose lengths, in words, are spread evenly from `shortest` to `longest`."""
        return [self.of(shortest + (longest - shortest) * n // max(1, count - 1)) for n in range(count)]
