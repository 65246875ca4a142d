"""Continues the demo CLIP's training on covers and captions that differ from each other in one attribute.

Each batch holds covers with their counterparts: a red circle beside a red hexagon on the same background.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer

from catalog.demo.albums import DemoAlbum, demo_albums
from training.data.batch import Batch
from training.data.counterparts import counterparts, exchange_any
from training.data.demo_batch import as_tensor, demo_batch, true_facts
from training.data.drawn_covers import Pixels, drawn_covers
from training.data.phrases import PROMPT_FACTS, Phrase, describe
from training.loop import Plan, Progress, fit
from training.model.architecture import processor, save
from training.model.input_size import with_input_size

#: The seed of the covers; it differs from the seeds of the demo catalog and of pre-training.
REFINING_SEED = 20_261_127
_PAIRS_A_STEP = 40
_TWINS_A_STEP = 20
_WARMUP_STEPS = 40
_PHOTOGRAPHED = 0.3
_SAVE_EVERY = 25
#: The layouts whose objects are small, which the model confuses most often, and the share of the other
#: layouts' albums that is left out in their favour.
_SMALL_OBJECTS = frozenset({"scattered", "grid", "minimalist"})
_LEFT_OUT = 0.5


def refine(
    *,
    base: Path,
    output: Path,
    work: Path,
    steps: int,
    covers: int,
    size_px: int,
    seed: int,
    learning_rate: float,
) -> Progress:
    """Train the model in the folder `base` further at an input size, and write it to the output folder."""
    tokenizer = CLIPProcessor.from_pretrained(base).tokenizer
    model = with_input_size(CLIPModel.from_pretrained(base, dtype=torch.float32), size_px)
    first = refining_albums(covers // 2)
    albums = first + counterparts(first, seed=seed)
    pixels = drawn_covers(albums, name=f"pairs-{REFINING_SEED}-{seed}", size_px=size_px, folder=work)
    reader = nn.Linear(model.vision_embed_dim, len(PROMPT_FACTS))
    nn.init.zeros_(reader.weight)  # an untrained reader must not change a trained tower
    progress = fit(
        model,
        plan=Plan(
            steps=steps,
            learning_rate=learning_rate,
            warmup_steps=_WARMUP_STEPS,
            save_every=_SAVE_EVERY,
            bfloat16=False,
        ),
        make_batch=pair_batches(albums, pixels=pixels, tokenizer=tokenizer, seed=seed),
        folder=work / f"refining-{seed}",
        reader=reader,
    )
    save(model, with_processor=processor(tokenizer, size_px=size_px), folder=output)
    return progress


def refining_albums(count: int) -> list[DemoAlbum]:
    """Return albums, of which more than usually have small objects."""
    rng = Random(f"layouts {REFINING_SEED}")
    drawn = demo_albums(2 * count, seed=REFINING_SEED)
    return [a for a in drawn if a.look.layout in _SMALL_OBJECTS or rng.random() >= _LEFT_OUT][:count]


def pair_batches(
    albums: list[DemoAlbum], *, pixels: Pixels, tokenizer: CLIPTokenizer, seed: int
) -> Callable[[int], Batch]:
    """Return a function that makes the batch of a step; the second half of `albums` are counterparts."""
    true = true_facts(albums)
    pairs = len(albums) // 2

    def make(step: int) -> Batch:
        rng = Random(f"refining {seed}/{step}")
        first = rng.sample(range(pairs), min(_PAIRS_A_STEP, pairs))
        chosen = [*first, *(pairs + i for i in first)]
        rng.shuffle(chosen)
        told = [wording(albums[i], rng=rng) for i in chosen]
        return demo_batch(
            as_tensor(pixels[np.asarray(chosen)]),
            true=true[chosen],
            captions=[right for right, _ in told] + [wrong for _, wrong in told],
            tokenizer=tokenizer,
            photographed=_PHOTOGRAPHED,
            twins=min(_TWINS_A_STEP, len(chosen)),
            rng=rng,
        )

    return make


def wording(album: DemoAlbum, *, rng: Random) -> tuple[Phrase, Phrase]:
    """Return a true phrase about a cover, and a similar phrase after one attribute has been exchanged.

    The second phrase is also true if it does not mention the exchanged attribute.
    """
    dice = rng.getrandbits(60)
    right, wrong = (
        describe(look, genre=album.genre, rng=Random(dice))
        for look in (album.look, exchange_any(album.look, rng=rng))
    )
    return right, wrong
