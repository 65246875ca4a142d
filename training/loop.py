"""The training loop of pre-training and fine-tuning: schedule, log, checkpoints, early stop."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from rich import progress as display
from rich.console import Console
from torch import Tensor, nn
from transformers import CLIPModel

from training.data.batch import Batch
from training.model.losses import losses

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"


@dataclass(frozen=True, slots=True)
class Plan:
    """The training schedule; `patience` validations without progress end the training early (0: never)."""

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float = 0.05
    decay_share: float = 0.3
    log_every: int = 25
    save_every: int = 250
    validate_every: int = 0
    patience: int = 0
    bfloat16: bool = True


@dataclass(slots=True)
class Progress:
    """The state of a run, which every checkpoint contains."""

    step: int = 0
    elapsed_s: float = 0.0
    best: float = -math.inf
    stale: int = 0
    #: The score of the last validation.
    score: float = math.nan


def fit(
    model: CLIPModel,
    *,
    plan: Plan,
    make_batch: Callable[[int], Batch],
    folder: Path,
    reader: nn.Linear | None = None,
    validate: Callable[[CLIPModel], float] | None = None,
    keep_best: Callable[[CLIPModel], None] | None = None,
    to_beat: float = -math.inf,
) -> Progress:
    """Train, from the folder's checkpoint if there is one, until the plan ends or validation stops improving.

    The batches that `make_batch` returns must depend only on the step, so that a resumed run sees the same
    batches. Batches are moved to the model's device. `keep_best` is called with each model whose validation
    score exceeds `to_beat` and all earlier scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trained = nn.ModuleDict({"model": model, **({"reader": reader} if reader else {})}).to(model.device)
    optimiser = _optimiser(trained, plan)
    progress = _resume(folder / CHECKPOINT, trained=trained, optimiser=optimiser) or Progress(best=to_beat)
    _truncate_log(folder / LOG, step=progress.step)
    with _bar() as bar:
        task = bar.add_task("training", total=plan.steps, completed=progress.step, loss=math.nan)
        while progress.step < plan.steps and not (plan.patience and progress.stale >= plan.patience):
            started = time.monotonic()
            batch = make_batch(progress.step).to(model.device)
            _set_rate(optimiser, learning_rate(progress.step, plan))
            parts = _step(model, batch, reader=reader, optimiser=optimiser, bfloat16=plan.bfloat16)
            progress.step += 1
            progress.elapsed_s += time.monotonic() - started
            bar.update(task, completed=progress.step, loss=sum(parts.values()))
            if validate and _due(progress.step, plan.validate_every, plan.steps):
                _record_validation(validate(model), model=model, progress=progress, keep_best=keep_best)
            if _due(progress.step, plan.log_every, plan.steps):
                _log(folder / LOG, parts=parts, progress=progress)
            if _due(progress.step, plan.save_every, plan.steps):
                _save(folder / CHECKPOINT, trained=trained, optimiser=optimiser, progress=progress)
    return progress


def _bar() -> display.Progress:
    return display.Progress(
        *display.Progress.get_default_columns(),
        display.MofNCompleteColumn(),
        display.TextColumn("loss {task.fields[loss]:.3f}"),
        console=Console(stderr=True),
    )


def learning_rate(step: int, plan: Plan) -> float:
    """Return the learning rate at a step: it rises linearly, stays constant, then falls linearly to zero.

    Until it begins to fall, the learning rate does not depend on the total number of steps. A run can
    therefore be resumed, from any checkpoint before the fall, with a different number of steps; the result is
    the same as if this number had been used from the start.
    """
    rise = (step + 1) / plan.warmup_steps if plan.warmup_steps else 1.0
    fall = (plan.steps - step) / (plan.steps * plan.decay_share)
    return plan.learning_rate * min(1.0, rise, fall)


def _due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)


def _optimiser(trained: nn.Module, plan: Plan) -> torch.optim.AdamW:
    """Return an AdamW optimiser with weight decay for matrices, but not for gains, biases and logit scale."""
    learning = [p for p in trained.parameters() if p.requires_grad]
    matrices = [p for p in learning if p.ndim > 1]
    others = [p for p in learning if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98), fused=True)


def _set_rate(optimiser: torch.optim.AdamW, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _step(
    model: CLIPModel,
    batch: Batch,
    *,
    reader: nn.Linear | None,
    optimiser: torch.optim.AdamW,
    bfloat16: bool,
) -> dict[str, float]:
    model.train()
    with torch.autocast(batch.pixels.device.type, torch.bfloat16, enabled=bfloat16):
        parts = losses(model, batch, reader=reader)
    optimiser.zero_grad()
    total: Tensor = torch.stack(list(parts.values())).sum()
    torch.autograd.backward(total)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return {name: float(part.detach()) for name, part in parts.items()}


def _record_validation(
    score: float,
    *,
    model: CLIPModel,
    progress: Progress,
    keep_best: Callable[[CLIPModel], None] | None,
) -> None:
    progress.score = score
    if score <= progress.best:
        progress.stale += 1
        return
    progress.best, progress.stale = score, 0
    if keep_best:
        keep_best(model)


def _log(path: Path, *, parts: dict[str, float], progress: Progress) -> None:
    new = not path.exists() or path.stat().st_size == 0
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "elapsed_s", "validation", "best", *parts])
        figures = [progress.elapsed_s, progress.score, progress.best, *parts.values()]
        writer.writerow([progress.step, *(f"{figure:.4f}" for figure in figures)])


def _truncate_log(path: Path, *, step: int) -> None:
    """Delete the lines that a killed run logged after its last checkpoint."""
    if path.exists():
        lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        rows = [row for row in lines[1:] if int(row.partition(",")[0]) <= step]
        path.write_text("".join([*lines[:1], *rows]))


def _save(path: Path, *, trained: nn.Module, optimiser: torch.optim.AdamW, progress: Progress) -> None:
    """Write the checkpoint atomically."""
    state = {
        "trained": trained.state_dict(),
        "optimiser": optimiser.state_dict(),
        "progress": list(astuple(progress)),
    }
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)


def _resume(path: Path, *, trained: nn.Module, optimiser: torch.optim.AdamW) -> Progress | None:
    if not path.exists():
        return None
    # Tensors are loaded to the CPU, so that a checkpoint written on a GPU can be loaded on any machine;
    # `load_state_dict` then copies each tensor to the device of the weights.
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    trained.load_state_dict(state["trained"])
    optimiser.load_state_dict(state["optimiser"])
    return Progress(*state["progress"])
