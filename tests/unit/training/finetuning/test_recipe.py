"""A recipe sets the plan and the frozen weights, and decides which run can be resumed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.optional_packages import NEEDS_TORCH
from training.data.splits import Shares

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from transformers import CLIPModel

from tests.unit.training.test_loop import pairs, plan, small_model
from training.finetuning.recipe import Recipe
from training.loop import fit


def test_validation_runs_once_per_epoch() -> None:
    planned = Recipe(epochs=3, batch=16).plan(100)

    assert planned.steps == 18
    assert planned.validate_every == 6
    assert planned.patience == 5


def test_without_a_validation_part_training_does_not_stop_early() -> None:
    planned = Recipe(shares=Shares(validation=0, held_out=0.1)).plan(100)

    assert planned.validate_every == planned.patience == 0


def test_a_batch_is_at_most_as_large_as_the_catalog() -> None:
    assert Recipe(epochs=2, batch=128).plan(5).steps == 2


def test_a_run_resumes_only_with_the_same_recipe_model_and_data() -> None:
    recipe = Recipe()
    same = recipe.run_id(model="m", data="d")

    others = {
        replace(recipe, seed=8).run_id(model="m", data="d"),
        recipe.run_id(model="n", data="d"),
        recipe.run_id(model="m", data="e"),
    }

    assert Recipe().run_id(model="m", data="d") == same
    assert same not in others


def test_a_frozen_tower_keeps_its_weights_and_the_other_learns(tmp_path: Path) -> None:
    model = small_model()
    before = {name: weight.clone() for name, weight in model.named_parameters()}

    Recipe(freeze=("picture-tower",)).prepare(model)
    fit(model, plan=plan(3), make_batch=pairs, folder=tmp_path)

    assert not _changed(model, before, of="vision_model")
    assert _changed(model, before, of="text_model")
    assert _changed(model, before, of="visual_projection")


def test_activation_checkpointing_does_not_change_results(tmp_path: Path) -> None:
    plainly, sparingly = small_model(), small_model()

    Recipe(activation_checkpointing=True).prepare(sparingly)
    for model, name in ((plainly, "plainly"), (sparingly, "sparingly")):
        fit(model, plan=plan(3), make_batch=pairs, folder=tmp_path / name)

    for ours, theirs in zip(sparingly.parameters(), plainly.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def _changed(model: CLIPModel, before: dict[str, torch.Tensor], *, of: str) -> bool:
    weights = [(name, weight) for name, weight in model.named_parameters() if name.startswith(of)]
    return any(not torch.equal(weight, before[name]) for name, weight in weights)
