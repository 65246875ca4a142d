"""Trains the demo CLIP from scratch on generated covers; each step uses new phrases and new photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from torch import nn
from transformers import CLIPTokenizer

from catalog.demo.albums import DemoAlbum, demo_albums
from training.data.batch import Batch
from training.data.demo_batch import as_tensor, demo_batch, true_facts
from training.data.drawn_covers import Pixels, drawn_covers
from training.data.phrases import PROMPT_FACTS, describe
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
_PHOTOGRAPHED = 0.45
#: The share of photographs grows up to this step; early steps mostly show plain covers, from which the model
#: learns shapes.
_PHOTOGRAPHED_FROM_STEP = 1200


def pretrain(
    *, output: Path, work: Path, steps: int, covers: int, seed: int, learning_rate: float
) -> Progress:
    """Train the demo CLIP and write it to the output folder."""
    tokenizer = train_tokenizer(seed=seed)
    model = new_model(tokenizer, seed=seed)
    albums = demo_albums(covers, seed=TRAINING_SEED)
    pixels = drawn_covers(albums, name=f"covers-{TRAINING_SEED}", size_px=IMAGE_SIZE_PX, folder=work)
    prepare_picture_tower(model, as_tensor(pixels[:_SAMPLED_COVERS]) * 2 - 1)
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
    true = true_facts(albums)

    def make(step: int) -> Batch:
        rng = Random(f"step {seed}/{step}")
        chosen = rng.sample(range(len(albums)), _COVERS_A_STEP)
        return demo_batch(
            as_tensor(pixels[np.asarray(chosen)]),
            true=true[chosen],
            captions=[describe(albums[i].look, genre=albums[i].genre, rng=rng) for i in chosen],
            tokenizer=tokenizer,
            photographed=_photographed(step),
            twins=_TWINS_A_STEP,
            rng=rng,
        )

    return make


def _photographed(step: int) -> float:
    """Return the share of covers that are shown as photographs at a step."""
    return _PHOTOGRAPHED * min(1.0, step / _PHOTOGRAPHED_FROM_STEP)
