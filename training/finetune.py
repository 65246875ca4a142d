"""Owns fine-tuning: CLIP's contrastive training continued on the covers and captions of one table.

base ──► its score to beat ──► fit, on the training part ──► measured on the held-out part ──► folder, card
                                 │ validates, keeps the best
                                 └──► WORK/run-ID: checkpoint, log, best; the same command goes on from it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from transformers import CLIPModel

from catalog.ingest.columns.fields import Album
from training.data.captions import caption
from training.data.decoded_covers import DecodedCovers
from training.data.finetuning_batches import batch_maker
from training.data.splits import Part, split
from training.evaluation.encoder import Encoder
from training.evaluation.evaluation_set import StoredPictures
from training.evaluation.measure import CAPTIONED, recalls, same
from training.evaluation.metrics import reciprocal_rank
from training.loop import CHECKPOINT, Progress, fit
from training.model.architecture import save
from training.model.base_model import BaseClip
from training.recipe import Recipe

_BEST = "best"


@dataclass(frozen=True, slots=True)
class FinetuningResult:
    """What came of a fine-tuning: recall by name for each part that was measured, before and after."""

    parts: dict[Part, list[int]]
    before: dict[Part, dict[str, float]]
    after: dict[Part, dict[str, float]]
    progress: Progress


def finetune(
    base: BaseClip, gathered: DecodedCovers, *, recipe: Recipe, work: Path, output: Path, console: Console
) -> FinetuningResult:
    """Fine-tune a model and write it to the output folder, as `from_pretrained` and CLIP_MODEL take it.

    Of all models that were validated the best is written; that may be the base.

    Raises:
        SettingsError: the table has too few artists to be split.
    """
    parts = split(gathered.albums, recipe.shares)
    asked = {part: _Asked.of(gathered, parts[part]) for part in (Part.VALIDATION, Part.HELD_OUT)}
    run = work / f"run-{recipe.run_id(model=base.source.fingerprint, data=gathered.key)}"
    console.print(f"run {run}; albums: {_counts(parts)}", markup=False)
    begun = Encoder(base.model, base.processor)
    before = {part: ask.recalls(begun) for part, ask in asked.items() if ask.albums}
    progress = _fit(base, gathered, parts=parts, recipe=recipe, run=run, validation=asked[Part.VALIDATION])
    best = Encoder.load(run / _BEST, device=str(base.model.device))
    save(best.model, with_processor=base.processor, folder=output, half=False)
    after = {part: asked[part].recalls(best) for part in before}
    return FinetuningResult(parts, before, after, progress)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The part of a table that a model is asked about: the first albums of it, with their covers."""

    albums: list[Album]
    pictures: StoredPictures

    @classmethod
    def of(cls, gathered: DecodedCovers, places: list[int]) -> _Asked:
        first = places[:CAPTIONED]
        return cls([gathered.albums[place] for place in first], StoredPictures(gathered.pixels, first))

    def recalls(self, encoder: Encoder) -> dict[str, float]:
        captions = [caption(album) for album in self.albums]
        return recalls(encoder.similarity(captions, self.pictures), same(captions))

    def rank(self, encoder: Encoder) -> float:
        """Return the mean reciprocal rank of each caption's cover: finer than recall, where few are asked."""
        captions = [caption(album) for album in self.albums]
        return reciprocal_rank(encoder.similarity(captions, self.pictures), same(captions))


def _fit(
    base: BaseClip,
    gathered: DecodedCovers,
    *,
    parts: dict[Part, list[int]],
    recipe: Recipe,
    run: Path,
    validation: _Asked,
) -> Progress:
    def keep(model: CLIPModel) -> None:
        save(model, with_processor=base.processor, folder=run / _BEST, half=False)

    def validate(model: CLIPModel) -> float:
        model.train(mode=False)
        return validation.rank(Encoder(model, base.processor))

    judge: Callable[[CLIPModel], float] | None = validate if validation.albums else None
    to_beat = validate(base.model) if judge else 0.0
    if not (run / CHECKPOINT).exists():
        run.mkdir(parents=True, exist_ok=True)
        keep(base.model)
    recipe.prepare(base.model)
    progress = fit(
        base.model,
        plan=recipe.plan(len(parts[Part.TRAIN])),
        make_batch=batch_maker(gathered, places=parts[Part.TRAIN], base=base, recipe=recipe),
        folder=run,
        validate=judge,
        keep_best=keep,
        to_beat=to_beat,
    )
    if judge is None:
        keep(base.model)
    return progress


def _counts(parts: dict[Part, list[int]]) -> str:
    return ", ".join(f"{len(places)} {part}" for part, places in parts.items())
