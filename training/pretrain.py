"""Trains the demo CLIP from scratch on generated covers; each step uses new phrases and new photographs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.cover_attributes import FACTS, facts
from training.data.augmentation import mixed_views, photographed_views
from training.data.batch import Batch
from training.data.drawn_covers import Pixels, drawn_covers
from training.data.phrases import PROMPT_FACTS, Phrase, describe, prompts
from training.loop import Plan, Progress, fit
from training.model.architecture import IMAGE_SIZE_PX, new_model, processor, save
from training.model.initial_weights import prepare_picture_tower
from training.model.tokenizer import train_tokenizer

#: The seed of the training covers; it differs from the demo catalog's seed, so that the model is not trained
#: on the covers of the demo catalog.
TRAINING_SEED = 20_240_117
_COVERS_A_STEP = 96
_TWINS_A_STEP = 32
_WARMUP_STEPS = 200
_SAMPLED_COVERS = 1000
_EXCLUSIVE = ("tone", "ground", "ink", "shape", "layout", "texture")
_PHOTOGRAPHED = 0.45
#: The share of photographs grows up to this step; early steps mostly show plain covers, from which the model
#: learns shapes.
_PHOTOGRAPHED_FROM_STEP = 1200

_FACT_INDEX = {fact: number for number, fact in enumerate(FACTS)}


def pretrain(
    *, output: Path, work: Path, steps: int, covers: int, seed: int, learning_rate: float
) -> Progress:
    """Train the demo CLIP and write it to the output folder."""
    tokenizer = train_tokenizer(seed=seed)
    model = new_model(tokenizer, seed=seed)
    pixels = drawn_covers(count=covers, seed=TRAINING_SEED, size_px=IMAGE_SIZE_PX, folder=work)
    prepare_picture_tower(model, _tensor(pixels[:_SAMPLED_COVERS]) * 2 - 1)
    albums = demo_albums(covers, seed=TRAINING_SEED)
    plan = Plan(steps=steps, learning_rate=learning_rate, warmup_steps=_WARMUP_STEPS)
    progress = fit(
        model,
        plan=plan,
        make_batch=batch_maker(albums, pixels=pixels, tokenizer=tokenizer, seed=seed),
        folder=work / f"run-{seed}",
        reader=nn.Linear(model.vision_embed_dim, len(PROMPT_FACTS)),
    )
    save(model, with_processor=processor(tokenizer), folder=output)
    return progress


def batch_maker(
    albums: list[DemoAlbum], *, pixels: Pixels, tokenizer: CLIPTokenizer, seed: int
) -> Callable[[int], Batch]:
    """Return a function that makes the batch of a step."""
    true = torch.from_numpy(np.stack([_fact_row(facts(a.look, genre=a.genre)) for a in albums]))

    def make(step: int) -> Batch:
        rng = Random(f"step {seed}/{step}")
        chosen = rng.sample(range(len(albums)), _COVERS_A_STEP)
        phrases = [describe(albums[i].look, genre=albums[i].genre, rng=rng) for i in chosen]
        phrases += prompts(rng)
        tokens = tokenizer([p.text for p in phrases], padding=True, truncation=True, return_tensors="pt")
        shown = chosen + chosen[:_TWINS_A_STEP]
        return Batch(
            pixels=_views(
                _tensor(pixels[np.asarray(chosen)]),
                seed=rng.getrandbits(60),
                photographed=_photographed(step),
            ),
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            match=matches(phrases, true=true[shown]),
            captions=len(chosen),
            twins=torch.tensor([[i, _COVERS_A_STEP + i] for i in range(_TWINS_A_STEP)]),
            groups=_GROUPS,
        )

    return make


def matches(phrases: list[Phrase], *, true: Tensor) -> Tensor:
    """Return a matrix match[t, i] that is True if all facts that phrase t requires are true of cover i."""
    needs = torch.from_numpy(np.stack([_fact_row(phrase.requires) for phrase in phrases]))
    return (needs @ true.T) >= needs.sum(dim=1, keepdim=True)


def _fact_row(names: frozenset[str]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    row = np.zeros(len(FACTS), dtype=np.float32)
    row[[_FACT_INDEX[name] for name in names]] = 1
    return row


def _exclusive_groups() -> tuple[tuple[int, int], ...]:
    """Return the ranges of a batch's texts in which at most one text is true of a cover."""
    found = []
    kinds = ((number, fact.partition(":")[0]) for number, fact in enumerate(PROMPT_FACTS))
    for kind, members in groupby(kinds, key=lambda item: item[1]):
        numbers = [number for number, _ in members]
        if kind in _EXCLUSIVE:
            found.append((_COVERS_A_STEP + numbers[0], _COVERS_A_STEP + numbers[-1] + 1))
    return tuple(found)


_GROUPS = _exclusive_groups()


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255


def _photographed(step: int) -> float:
    """Return the share of covers that are shown as photographs at a step."""
    return _PHOTOGRAPHED * min(1.0, step / _PHOTOGRAPHED_FROM_STEP)


def _views(pixels: Tensor, *, seed: int, photographed: float) -> Tensor:
    """Return a picture of each cover, plain or photographed, and a photograph of each of the first covers."""
    generator = torch.Generator().manual_seed(seed)
    first = mixed_views(pixels, photographed=photographed, generator=generator)
    again = photographed_views(pixels[:_TWINS_A_STEP], generator=generator)
    return torch.cat([first, again]) * 2 - 1
