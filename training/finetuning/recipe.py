"""The recipe of a fine-tuning: all parameters that affect the result, except data and base model."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from transformers import CLIPModel

from training.data.splits import Shares
from training.loop import Plan

#: Maps each tower of a CLIP that can be frozen to its attribute; the projection after a frozen tower is still
#: trained.
TOWERS = {"picture-tower": "vision_model", "text-tower": "text_model"}
_WARMUP_MOST = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of one fine-tuning."""

    epochs: int = 10
    #: The number of training steps; None means as many steps as `epochs` contain.
    steps: int | None = None
    batch: int = 128
    learning_rate: float = 1e-5
    weight_decay: float = 0.05
    seed: int = 7
    shares: Shares = field(default_factory=Shares)
    #: The number of steps between validations; None means one validation per epoch.
    validate_every: int | None = None
    #: Training stops early after this number of validations without a better model; 0 disables early
    #: stopping.
    patience: int = 5
    save_every: int = 250
    #: The share of covers that are shown as simulated photographs.
    photographed: float = 0.3
    #: The number of covers per batch that are also shown as a second picture (a simulated photograph), so
    #: that the model learns to match the two.
    twins: int = 0
    freeze: tuple[str, ...] = ()
    bfloat16: bool = False
    activation_checkpointing: bool = False

    def batch_of(self, albums: int) -> int:
        """Return the batch size for a number of training albums."""
        return min(self.batch, albums)

    def plan(self, albums: int) -> Plan:
        """Return the schedule for a number of training albums."""
        epoch = albums // self.batch_of(albums)
        steps = self.steps or self.epochs * epoch
        return Plan(
            steps=steps,
            learning_rate=self.learning_rate,
            warmup_steps=min(_WARMUP_MOST, math.ceil(steps / 10)),
            weight_decay=self.weight_decay,
            log_every=min(25, epoch),
            save_every=self.save_every,
            validate_every=(self.validate_every or epoch) if self.shares.validation else 0,
            patience=self.patience if self.shares.validation else 0,
            bfloat16=self.bfloat16,
        )

    def prepare(self, model: CLIPModel) -> None:
        """Freeze towers and enable activation checkpointing if the recipe says so."""
        for tower in self.freeze:
            getattr(model, TOWERS[tower]).requires_grad_(requires_grad=False)
        if self.activation_checkpointing:
            enable: Any = model.activation_checkpointing_enable  # untyped in transformers
            enable()

    def run_id(self, *, model: str, data: str) -> str:
        """Return a hash of everything that affects the result, so that only an identical run is resumed."""
        document = orjson.dumps([asdict(self), model, data], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(document).hexdigest()[:16]
