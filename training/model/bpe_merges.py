"""Learns byte-pair merges deterministically: the same words always give the same merges.

This module replaces the trainer of the tokenizers library, which numbers symbols in the random order of a
hash map. That trainer therefore merges equally frequent pairs in a different order in each run, so that a
model could not use a vocabulary from another run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

Pair = tuple[str, str]
_END_OF_WORD = "</w>"


def learn_merges(words: Mapping[str, int], *, count: int) -> list[Pair]:
    """Return up to `count` merges, most frequent pair first; `words` maps each word to its frequency.

    Pairs that occur only once are not merged. Equally frequent pairs are merged in alphabetical order.
    """
    spelt = {word: [*word[:-1], word[-1] + _END_OF_WORD] for word in sorted(words)}
    seen: Counter[Pair] = Counter()
    users: defaultdict[Pair, set[str]] = defaultdict(set)
    for word, symbols in spelt.items():
        _count(symbols, word=word, times=words[word], seen=seen, users=users)
    merges: list[Pair] = []
    while len(merges) < count and seen:
        pair = min(seen, key=lambda found: (-seen[found], found))
        if seen[pair] <= 1:
            break
        merges.append(pair)
        for word in sorted(users[pair]):
            _count(spelt[word], word=word, times=-words[word], seen=seen, users=users)
            spelt[word] = merged(spelt[word], pair)
            _count(spelt[word], word=word, times=words[word], seen=seen, users=users)
    return merges


def merged(symbols: list[str], pair: Pair) -> list[str]:
    """Return the symbols of a word after joining every occurrence of the pair into one symbol."""
    joined: list[str] = []
    for symbol in symbols:
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
        else:
            joined.append(symbol)
    return joined


def _count(
    symbols: list[str], *, word: str, times: int, seen: Counter[Pair], users: defaultdict[Pair, set[str]]
) -> None:
    """Add `times` to the count of each symbol pair of a word; a negative number removes the pairs."""
    for pair in pairwise(symbols):
        seen[pair] += times
        if seen[pair] <= 0:
            del seen[pair]
        users[pair].add(word)
    if times < 0:
        for pair in pairwise(symbols):
            users[pair].discard(word)
