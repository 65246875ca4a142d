"""The training loop learns, resumes exactly, and stops when the model no longer improves."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from transformers import CLIPConfig, CLIPModel

from training.data.batch import Batch
from training.loop import LOG, Plan, fit, learning_rate

SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def small_model() -> CLIPModel:
    torch.manual_seed(3)
    text = {**SMALL, "vocab_size": 20, "max_position_embeddings": 4, "bos_token_id": 18, "eos_token_id": 19}
    vision = {**SMALL, "image_size": 16, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))


def pairs(step: int) -> Batch:
    """Return eight pictures, each in a different shade of grey and paired with a different word."""
    generator = torch.Generator().manual_seed(step)
    shades = torch.linspace(-1, 1, 8)[:, None, None, None].expand(8, 3, 16, 16)
    words = torch.tensor([[18, word, 19, 19] for word in range(8)])
    return Batch(
        pixels=shades + 0.02 * torch.randn(8, 3, 16, 16, generator=generator),
        input_ids=words,
        attention_mask=torch.tensor([[1, 1, 1, 0]] * 8),
        match=torch.eye(8, dtype=torch.bool),
        captions=8,
        twins=torch.empty(0, 2, dtype=torch.long),
    )


def plan(steps: int, **changes: Any) -> Plan:
    return Plan(steps=steps, learning_rate=3e-3, warmup_steps=2, log_every=1, bfloat16=False, **changes)


def logged(folder: Path) -> list[float]:
    with (folder / LOG).open() as file:
        return [float(row["text_to_picture"]) for row in csv.DictReader(file)]


def test_the_loss_falls_and_is_logged(tmp_path: Path) -> None:
    fit(small_model(), plan=plan(60), make_batch=pairs, folder=tmp_path)

    figures = logged(tmp_path)

    assert len(figures) == 60
    assert sum(figures[-5:]) / 5 < 0.7 * figures[0]


def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    unbroken, broken, resumed = small_model(), small_model(), small_model()
    fit(unbroken, plan=plan(20), make_batch=pairs, folder=tmp_path / "unbroken")

    with pytest.raises(KeyboardInterrupt):
        fit(broken, plan=plan(20, save_every=5), make_batch=_breaks_at(12), folder=tmp_path / "broken")
    fit(resumed, plan=plan(20, save_every=5), make_batch=pairs, folder=tmp_path / "broken")

    for ours, theirs in zip(resumed.parameters(), unbroken.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def _breaks_at(step: int) -> Callable[[int], Batch]:
    def make(number: int) -> Batch:
        if number == step:
            raise KeyboardInterrupt
        return pairs(number)

    return make


def test_training_stops_when_validation_no_longer_improves(tmp_path: Path) -> None:
    scores = iter([0.1, 0.3, 0.2, 0.25, 0.9])
    kept: list[Any] = []

    progress = fit(
        small_model(),
        plan=plan(50, validate_every=2, patience=2),
        make_batch=pairs,
        folder=tmp_path,
        validate=lambda _: next(scores),
        keep_best=kept.append,
    )

    assert progress.step == 8
    assert progress.best == 0.3
    assert len(kept) == 2


def test_the_learning_rate_warms_up_stays_and_decays() -> None:
    whole = Plan(steps=100, learning_rate=1.0, warmup_steps=10)

    assert learning_rate(0, whole) == pytest.approx(0.1)
    assert learning_rate(50, whole) == 1.0
    assert learning_rate(85, whole) == pytest.approx(0.5)
    assert learning_rate(99, whole) < 0.05


def test_a_resumed_run_logs_each_step_once(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), plan=plan(20, save_every=5), make_batch=_breaks_at(13), folder=tmp_path)
    fit(small_model(), plan=plan(20, save_every=5), make_batch=pairs, folder=tmp_path)

    with (tmp_path / LOG).open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]

    assert steps == list(range(1, 21))


def test_a_model_that_does_not_improve_on_the_base_is_discarded(tmp_path: Path) -> None:
    kept: list[Any] = []

    progress = fit(
        small_model(),
        plan=plan(6, validate_every=2),
        make_batch=pairs,
        folder=tmp_path,
        validate=lambda _: 0.4,
        keep_best=kept.append,
        to_beat=0.5,
    )

    assert kept == []
    assert progress.best == 0.5
    assert progress.score == 0.4


def test_every_tensor_of_a_batch_moves_to_the_device() -> None:
    moved = pairs(0).to(torch.device("meta"))

    tensors = (moved.pixels, moved.input_ids, moved.attention_mask, moved.match, moved.twins)
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.captions == 8
