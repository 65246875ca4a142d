"""Writes a fine-tuned model's card, which is README.md for people and finetuning.json for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from common.errors import SettingsError
from training.data.splits import Part, Shares
from training.finetuning.finetune import FinetuningResult
from training.finetuning.recipe import Recipe
from training.model.base_model import BaseClip

RECORD = "finetuning.json"
_CARD = "README.md"
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The data about a finished fine-tuning that its model card shows."""

    base: BaseClip
    recipe: Recipe
    tuned: FinetuningResult
    table: str
    device: str
    rejected: int
    command: str

    def write(self, folder: Path) -> None:
        """Write README.md and finetuning.json into the model's folder."""
        (folder / RECORD).write_bytes(orjson.dumps(self._record(), option=_OPTIONS) + b"\n")
        (folder / _CARD).write_text("\n".join(self._lines(folder.name)) + "\n", encoding="utf-8")

    def comparison(self) -> str:
        """Return the recall before and after fine-tuning as a Markdown table."""
        rows = ["| measure | before | after | difference |", "| --- | --- | --- | --- |"]
        for part, after in self.tuned.after.items():
            for name, share in after.items():
                was = self.tuned.before[part][name]
                rows.append(
                    f"| caption to cover, {name} {part} | {was:.3f} | {share:.3f} | {share - was:+.3f} |"
                )
        return "\n".join(rows)

    def _record(self) -> dict[str, object]:
        return {
            "base": {"model": self.base.source.name, "fingerprint": self.base.source.fingerprint},
            "table": self.table,
            "albums": {part: len(places) for part, places in self.tuned.parts.items()},
            "rejected": self.rejected,
            "recipe": asdict(self.recipe),
            "device": self.device,
            "steps": self.tuned.progress.step,
            "elapsed_s": round(self.tuned.progress.elapsed_s, 1),
            "before": self.tuned.before,
            "after": self.tuned.after,
            "command": self.command,
        }

    def _lines(self, name: str) -> Iterator[str]:
        counts = {part: len(places) for part, places in self.tuned.parts.items()}
        shares, progress = self.recipe.shares, self.tuned.progress
        yield f"# {name}\n"
        yield (
            f"{self.base.source.name} ({self.base.source.fingerprint[:12]}), fine-tuned on the covers and "
            f"captions of {self.table}. A Hugging Face folder: set `CLIP_MODEL` to it, and move the catalog "
            "with `python -m catalog reembed` first.\n"
        )
        yield f"    {self.command}\n"
        yield (
            f"- **Data.** {counts[Part.TRAIN]} albums were trained on, {counts[Part.VALIDATION]} decided "
            f"which model was kept, {counts[Part.HELD_OUT]} were held out; {self.rejected} rows were left "
            f"out. Split by artist, {shares.validation:g} and {shares.held_out:g} of them: none is in two."
        )
        yield (
            f"- **Training.** {progress.step} steps of {self.recipe.batch_of(counts[Part.TRAIN])} covers, "
            f"AdamW, learning rate {self.recipe.learning_rate:g}, seed {self.recipe.seed}, "
            f"{'bfloat16' if self.recipe.bfloat16 else 'float32'} on {self.device}, "
            f"{progress.elapsed_s:.0f} s of steps."
        )
        yield "- **Recall.** The held-out part was measured after everything was decided.\n"
        yield self.comparison()


def recorded_shares(folder: Path) -> Shares | None:
    """Return the shares by which a model's training table was split; None if no shares were recorded.

    Raises:
        SettingsError: the record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return Shares(**orjson.loads(path.read_bytes())["recipe"]["shares"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is damaged ({error!r}): give --validation and --held-out") from None
