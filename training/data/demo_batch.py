"""Makes the batch of one training step from demo covers, captions, and questions about attributes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from random import Random

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from catalog.demo.albums import DemoAlbum
from catalog.demo.cover_attributes import FACTS, facts
from training.data.augmentation import mixed_views, photographed_views
from training.data.batch import Batch
from training.data.drawn_covers import Pixels
from training.data.phrases import PROMPT_FACTS, Phrase, prompts

_EXCLUSIVE = ("tone", "ground", "ink", "shape", "layout", "texture")
_FACT_INDEX = {fact: number for number, fact in enumerate(FACTS)}


def demo_batch(
    pixels: Tensor,
    *,
    true: Tensor,
    captions: Sequence[Phrase],
    tokenizer: CLIPTokenizer,
    photographed: float,
    twins: int,
    rng: Random,
) -> Batch:
    """Return a batch of covers (n, 3, size, size) in 0..1, of which the first `twins` are shown twice.

    `true` is the covers' rows of `true_facts`. `captions` may contain more phrases than there are covers:
    the additional phrases are wrong answers, unless they are true of a cover of the batch.
    """
    phrases = [*captions, *prompts(rng)]
    tokens = tokenizer([p.text for p in phrases], padding=True, truncation=True, return_tensors="pt")
    return Batch(
        pixels=_views(pixels, seed=rng.getrandbits(60), photographed=photographed, twins=twins),
        input_ids=tokens["input_ids"],
        attention_mask=tokens["attention_mask"],
        match=matches(phrases, true=torch.cat([true, true[:twins]])),
        captions=len(captions),
        twins=torch.tensor([[i, len(pixels) + i] for i in range(twins)]),
        groups=_exclusive_groups(len(captions)),
    )


def true_facts(albums: Sequence[DemoAlbum]) -> Tensor:
    """Return a matrix (albums, facts) that is 1 where a fact is true of an album's cover."""
    return torch.from_numpy(np.stack([_fact_row(facts(a.look, genre=a.genre)) for a in albums]))


def matches(phrases: Sequence[Phrase], *, true: Tensor) -> Tensor:
    """Return a matrix match[t, i] that is True if all facts that phrase t requires are true of cover i."""
    needs = torch.from_numpy(np.stack([_fact_row(phrase.requires) for phrase in phrases]))
    return (needs @ true.T) >= needs.sum(dim=1, keepdim=True)


def as_tensor(pixels: Pixels) -> Tensor:
    """Return pixels (n, size, size, 3) as a float tensor (n, 3, size, size) in 0..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255


def _fact_row(names: frozenset[str]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    row = np.zeros(len(FACTS), dtype=np.float32)
    row[[_FACT_INDEX[name] for name in names]] = 1
    return row


def _exclusive_groups(first: int) -> tuple[tuple[int, int], ...]:
    """Return the ranges of a batch's texts in which at most one is true of a cover; `first` is a question."""
    found = []
    kinds = ((number, fact.partition(":")[0]) for number, fact in enumerate(PROMPT_FACTS))
    for kind, members in groupby(kinds, key=lambda item: item[1]):
        numbers = [number for number, _ in members]
        if kind in _EXCLUSIVE:
            found.append((first + numbers[0], first + numbers[-1] + 1))
    return tuple(found)


def _views(pixels: Tensor, *, seed: int, photographed: float, twins: int) -> Tensor:
    """Return a picture of each cover, plain or photographed, and a photograph of each of the first covers."""
    generator = torch.Generator().manual_seed(seed)
    first = mixed_views(pixels, photographed=photographed, generator=generator)
    again = photographed_views(pixels[:twins], generator=generator)
    return torch.cat([first, again]) * 2 - 1
