"""A fine-tuning batch depends only on its step, and each epoch contains every cover once."""

from pathlib import Path

import numpy as np
import pytest

from catalog.ingest.columns.fields import Album, AlbumFields
from tests.optional_packages import NEEDS_TORCH
from tests.unit.training.conftest import TINY_PX
from training.data.decoded_covers import DecodedCovers

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from training.data.batch import Batch
from training.finetuning.batches import batch_maker
from training.finetuning.recipe import Recipe
from training.model.base_model import BaseClip, load_base_model

COUNT = 10


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> BaseClip:
    return load_base_model(str(tiny_model), device="cpu")


@pytest.fixture(scope="module")
def decoded() -> DecodedCovers:
    """Albums whose covers each show a different shade of grey; the last two albums share a caption."""
    albums = [
        Album(number, AlbumFields(id=str(number), artist="A", album_name=str(number)), None, {})
        for number in range(COUNT)
    ]
    for twin in albums[-2:]:
        twin.metadata.update(caption="grey square")  # type: ignore[attr-defined]
    shades = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * 20
    return DecodedCovers(albums, np.broadcast_to(shades, (COUNT, TINY_PX, TINY_PX, 3)), [], "key")


def shown(batch: Batch) -> list[int]:
    return [round(float(shade) * 255 / 20) for shade in (batch.pixels.mean(dim=(1, 2, 3)) + 1) / 2]


def test_a_training_step_is_reproducible(base: BaseClip, decoded: DecodedCovers) -> None:
    recipe = Recipe(batch=4, photographed=0.5)
    make, again = (batch_maker(decoded, places=range(COUNT), base=base, recipe=recipe) for _ in range(2))

    make(0)

    assert torch.equal(make(3).pixels, again(3).pixels)
    assert torch.equal(make(3).input_ids, again(3).input_ids)
    assert not torch.equal(make(3).input_ids, make(4).input_ids)


def test_an_epoch_shows_every_training_cover_once(base: BaseClip, decoded: DecodedCovers) -> None:
    places = [0, 1, 3, 4, 6, 7]
    recipe = Recipe(batch=2, photographed=0)
    make = batch_maker(decoded, places=places, base=base, recipe=recipe)

    epochs = [[place for step in range(3 * n, 3 * n + 3) for place in shown(make(step))] for n in range(2)]

    assert sorted(epochs[0]) == sorted(epochs[1]) == places
    assert epochs[0] != epochs[1]


def test_twins_repeat_the_first_covers_and_match_the_same_texts(
    base: BaseClip, decoded: DecodedCovers
) -> None:
    recipe = Recipe(batch=4, photographed=0, twins=2)

    batch = batch_maker(decoded, places=range(8), base=base, recipe=recipe)(0)

    assert batch.pixels.shape == (6, 3, TINY_PX, TINY_PX)
    assert batch.twins.tolist() == [[0, 4], [1, 5]]
    assert torch.equal(batch.match[:, :2], batch.match[:, 4:])


def test_two_covers_with_one_caption_both_match_it(base: BaseClip, decoded: DecodedCovers) -> None:
    make = batch_maker(decoded, places=[8, 9], base=base, recipe=Recipe(batch=2))

    matched = [make(step).match for step in range(20)]

    assert any(bool(match.all()) for match in matched)
    assert all(bool(match.diagonal().all()) for match in matched)
