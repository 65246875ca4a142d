"""Makes the batches for fine-tuning: covers, some of them as simulated photographs, and random captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import torch
from torch import Tensor

from training.data.augmentation import mixed_views, photographed_views
from training.data.batch import Batch
from training.data.captions import facts_of, matches, random_caption
from training.data.decoded_covers import DecodedCovers
from training.evaluation.encoder import tokenised
from training.finetuning.recipe import Recipe
from training.model.base_model import BaseClip


def batch_maker(
    decoded: DecodedCovers, *, places: Sequence[int], base: BaseClip, recipe: Recipe
) -> Callable[[int], Batch]:
    """Return a function that makes the batch of a step; `places` are the indexes of the training albums."""
    facts = [facts_of(decoded.albums[place]) for place in places]
    batch = recipe.batch_of(len(places))

    def make(step: int) -> Batch:
        rng = Random(f"fine-tuning {recipe.seed}/{step}")
        turn = _albums_of_step(len(places), batch=batch, step=step, seed=recipe.seed)
        chosen = [places[number] for number in turn]
        phrases = [random_caption(decoded.albums[place], rng=rng) for place in chosen]
        tokens = tokenised(base.processor, [phrase.text for phrase in phrases])
        twins = min(recipe.twins, batch)
        shown = [facts[number] for number in [*turn, *turn[:twins]]]
        # Photographs are simulated on the training device, because a GPU would have to wait for simulations
        # on a CPU.
        pixels = torch.from_numpy(decoded.pixels[chosen]).to(base.model.device)
        return Batch(
            pixels=_normalised(_views(pixels, recipe=recipe, twins=twins, seed=rng.getrandbits(60)), base),
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            match=matches(phrases, shown),
            captions=batch,
            twins=torch.arange(twins)[:, None] + torch.tensor([[0, batch]]),
        )

    return make


def _albums_of_step(albums: int, *, batch: int, step: int, seed: int) -> list[int]:
    """Return the albums of a step; every epoch reshuffles all albums and drops an incomplete last batch."""
    epoch, place = divmod(step, albums // batch)
    dealt = np.random.default_rng([seed, epoch]).permutation(albums)
    return [int(number) for number in dealt[place * batch : (place + 1) * batch]]


def _views(pixels: Tensor, *, recipe: Recipe, twins: int, seed: int) -> Tensor:
    """Convert bytes (n, size, size, 3) to training pictures (n + twins, 3, size, size) in 0..1."""
    generator = torch.Generator(pixels.device).manual_seed(seed)
    pixels = pixels.permute(0, 3, 1, 2).float() / 255
    first = mixed_views(pixels, photographed=recipe.photographed, generator=generator)
    if not twins:
        return first
    return torch.cat([first, photographed_views(pixels[:twins], generator=generator)])


def _normalised(pixels: Tensor, base: BaseClip) -> Tensor:
    wanted = torch.tensor([base.preprocessing.mean, base.preprocessing.std], device=pixels.device)
    mean, std = wanted.view(2, 1, 3, 1, 1).unbind()
    return (pixels - mean) / std
