"""Fine-tuning: continues CLIP's contrastive training on the covers and captions of a table.

A model is kept only if its validation score is higher than the base model's. Training validates regularly,
keeps the best model, and writes checkpoints and a log to WORK/run-ID. After an interruption, the same command
continues from the last checkpoint. Afterwards the best model is evaluated on the held-out part and written to
the output folder with its model card.
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
from training.data.splits import Part, split
from training.evaluation.encoder import Encoder
from training.evaluation.evaluation_set import StoredPictures
from training.evaluation.measure import CAPTIONED, equal_captions, recalls
from training.evaluation.metrics import reciprocal_rank
from training.finetuning.batches import batch_maker
from training.finetuning.recipe import Recipe
from training.loop import CHECKPOINT, Progress, fit
from training.model.architecture import save
from training.model.base_model import BaseClip

_BEST = "best"


@dataclass(frozen=True, slots=True)
class FinetuningResult:
    """The result of a fine-tuning: the recall values of each evaluated part before and after training."""

    parts: dict[Part, list[int]]
    before: dict[Part, dict[str, float]]
    after: dict[Part, dict[str, float]]
    progress: Progress


def finetune(
    base: BaseClip, decoded: DecodedCovers, *, recipe: Recipe, work: Path, output: Path, console: Console
) -> FinetuningResult:
    """Fine-tune a model and write it to a folder that `from_pretrained` and CLIP_MODEL accept.

    The written model is the one with the best validation score, possibly the base model itself.

    Raises:
        SettingsError: the table has too few artists to be split.
    """
    parts = split(decoded.albums, recipe.shares)
    measured = {part: _MeasuredPart.of(decoded, parts[part]) for part in (Part.VALIDATION, Part.HELD_OUT)}
    run = work / f"run-{recipe.run_id(model=base.source.fingerprint, data=decoded.key)}"
    console.print(f"run {run}; albums: {_counts(parts)}", markup=False)
    begun = Encoder(base.model, base.processor)
    before = {part: ask.recalls(begun) for part, ask in measured.items() if ask.albums}
    progress = _fit(base, decoded, parts=parts, recipe=recipe, run=run, validation=measured[Part.VALIDATION])
    best = Encoder.load(run / _BEST, device=str(base.model.device))
    save(best.model, with_processor=base.processor, folder=output, half=False)
    after = {part: measured[part].recalls(best) for part in before}
    return FinetuningResult(parts, before, after, progress)


@dataclass(frozen=True, slots=True)
class _MeasuredPart:
    """The first albums of a part and their covers; a model's recall is measured on these albums."""

    albums: list[Album]
    pictures: StoredPictures

    @classmethod
    def of(cls, decoded: DecodedCovers, places: list[int]) -> _MeasuredPart:
        first = places[:CAPTIONED]
        return cls([decoded.albums[place] for place in first], StoredPictures(decoded.pixels, first))

    def recalls(self, encoder: Encoder) -> dict[str, float]:
        captions = [caption(album) for album in self.albums]
        return recalls(encoder.similarity(captions, self.pictures), equal_captions(captions))

    def rank(self, encoder: Encoder) -> float:
        """Return the mean reciprocal rank of the captions' covers, which has finer steps than recall."""
        captions = [caption(album) for album in self.albums]
        return reciprocal_rank(encoder.similarity(captions, self.pictures), equal_captions(captions))


def _fit(
    base: BaseClip,
    decoded: DecodedCovers,
    *,
    parts: dict[Part, list[int]],
    recipe: Recipe,
    run: Path,
    validation: _MeasuredPart,
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
        make_batch=batch_maker(decoded, places=parts[Part.TRAIN], base=base, recipe=recipe),
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
