"""Refining continues from given weights with pairs of covers that differ in one attribute."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from catalog.demo.albums import demo_albums
from catalog.demo.cover_attributes import facts
from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL

pytest.importorskip("torch", reason=NEEDS_TORCH)

import numpy as np
import torch
from transformers import CLIPTokenizer

from training.data.batch import Batch
from training.data.counterparts import counterparts
from training.refine import pair_batches, refine, refining_albums, wording

FIRST = demo_albums(12, seed=11)
ALBUMS = FIRST + counterparts(FIRST, seed=1)


@pytest.fixture(scope="module")
def make() -> Callable[[int], Batch]:
    pixels = np.random.default_rng(1).integers(0, 256, (len(ALBUMS), 16, 16, 3), dtype=np.uint8)
    tokenizer = CLIPTokenizer.from_pretrained(DEMO_MODEL)
    return pair_batches(ALBUMS, pixels=pixels, tokenizer=tokenizer, seed=1)


def test_each_cover_has_a_true_caption_and_a_caption_for_its_counterpart(
    make: Callable[[int], Batch],
) -> None:
    batch = make(0)

    assert batch.captions == 2 * len(ALBUMS)
    assert batch.match[: len(ALBUMS), : len(ALBUMS)].diagonal().all()
    assert not batch.match[len(ALBUMS) : 2 * len(ALBUMS)].any(dim=1).all()


def test_a_batch_depends_only_on_its_step(make: Callable[[int], Batch]) -> None:
    one, again, next_one = make(3), make(3), make(4)

    assert torch.equal(one.pixels, again.pixels)
    assert torch.equal(one.input_ids, again.input_ids)
    assert not torch.equal(one.pixels, next_one.pixels)


def test_the_questions_about_attributes_follow_all_captions(make: Callable[[int], Batch]) -> None:
    batch = make(0)

    assert min(low for low, _ in batch.groups) >= batch.captions
    assert all(batch.match[low:high].sum(dim=0).max() <= 1 for low, high in batch.groups)


def test_the_first_caption_is_true_and_the_second_is_mostly_wrong() -> None:
    wrong = 0
    for number, album in enumerate(demo_albums(200, seed=11)):
        right, other = wording(album, rng=Random(number))
        known = facts(album.look, genre=album.genre)

        assert right.requires <= known
        wrong += not other.requires <= known

    assert wrong > 60


def test_small_objects_are_more_frequent_than_in_the_demo() -> None:
    def share(looks: list[str]) -> float:
        return sum(layout in {"scattered", "grid", "minimalist"} for layout in looks) / len(looks)

    chosen = share([album.look.layout for album in refining_albums(600)])

    assert chosen > share([album.look.layout for album in demo_albums(600)]) + 0.08


@pytest.mark.starts_processes
def test_a_refined_model_has_the_new_input_size(tiny_model: Path, tmp_path: Path) -> None:
    progress = refine(
        base=tiny_model,
        output=tmp_path / "refined",
        work=tmp_path / "work",
        steps=2,
        covers=24,
        size_px=48,
        seed=1,
        learning_rate=1e-4,
    )

    config = json.loads((tmp_path / "refined" / "config.json").read_text())
    preprocessing = json.loads((tmp_path / "refined" / "preprocessor_config.json").read_text())

    assert progress.step == 2
    assert config["vision_config"]["image_size"] == 48
    assert preprocessing["crop_size"] == {"height": 48, "width": 48}
