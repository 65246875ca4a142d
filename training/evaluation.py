"""Owns the measured quality of a model on the demo's covers, none of which it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image
from rich.progress import track
from torch import Tensor

from catalog.demo.albums import DEMO_SEED, DemoAlbum, demo_albums
from catalog.demo.covers import draw_cover
from catalog.demo.rephotograph import DISTORTIONS, distort, rephotograph
from training.embedding import Encoder
from training.metrics import precision_at, recall_at
from training.questions import WORD_CLASSES, queries, relevance, words_of

REPORT = "evaluation.json"
_CAPTIONED = 1000
_SIZE_PX = 320


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; every figure is a share, 0 to 1."""

    covers: int
    caption_recall: dict[str, float]
    precision_at_10: dict[str, float]
    precision_by_word: dict[str, float]
    photo_recall_at_1: dict[str, float]


def evaluate(*, model_folder: Path | str, covers: int, output: Path, each_distortion: bool = False) -> Report:
    """Measure a model folder, print a table and write the report as JSON."""
    albums = demo_albums(covers, seed=DEMO_SEED)
    encoder = Encoder.load(model_folder)
    report = measure(encoder, albums, each_distortion=each_distortion)
    output.mkdir(parents=True, exist_ok=True)
    (output / REPORT).write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(table(report))
    return report


def measure(encoder: Encoder, albums: Sequence[DemoAlbum], *, each_distortion: bool = False) -> Report:
    """Return the measured quality over the albums' covers."""
    drawn = [draw_cover(album, size_px=_SIZE_PX) for album in track(albums, "drawing")]
    covers = encoder.pictures(track(drawn, "embedding"))
    by_word = _precision_by_word(encoder, albums, covers=covers)
    return Report(
        covers=len(albums),
        caption_recall=_caption_recall(encoder, albums[:_CAPTIONED], covers=covers[:_CAPTIONED]),
        precision_at_10=_precision_by_class(by_word),
        precision_by_word=by_word,
        photo_recall_at_1=_photo_recall(encoder, drawn, covers=covers, each_distortion=each_distortion),
    )


def table(report: Report) -> str:
    """Return the report as a Markdown table."""
    rows = [(f"caption to cover, {name}", share) for name, share in report.caption_recall.items()]
    rows += [(f"precision@10, {name} words", share) for name, share in report.precision_at_10.items()]
    rows += [(f"photo to cover, recall@1, {name}", share) for name, share in report.photo_recall_at_1.items()]
    return "\n".join(["| measure | value |", "| --- | --- |", *(f"| {name} | {v:.3f} |" for name, v in rows)])


def _caption_recall(encoder: Encoder, albums: Sequence[DemoAlbum], *, covers: Tensor) -> dict[str, float]:
    similarity = encoder.texts(album.caption for album in albums) @ covers.T
    right = torch.arange(len(albums))
    return {f"recall@{k} among {len(albums)}": recall_at(similarity, right, k=k) for k in (1, 10)}


def _precision_by_word(encoder: Encoder, albums: Sequence[DemoAlbum], *, covers: Tensor) -> dict[str, float]:
    measured = {}
    for word_class in WORD_CLASSES:
        asked = words_of(word_class)
        for fact, relevant in zip(asked, relevance(asked, albums), strict=True):
            if not relevant.any():
                continue
            similarity = encoder.texts(queries(fact)) @ covers.T
            shares = precision_at(similarity, relevant.expand_as(similarity), k=10)
            measured[f"{word_class}: {fact.partition(':')[2]}"] = float(shares.mean())
    return measured


def _precision_by_class(by_word: dict[str, float]) -> dict[str, float]:
    classes: dict[str, list[float]] = {}
    for name, share in by_word.items():
        classes.setdefault(name.partition(": ")[0], []).append(share)
    return {name: sum(shares) / len(shares) for name, shares in classes.items()}


def _photo_recall(
    encoder: Encoder, drawn: Sequence[Image.Image], *, covers: Tensor, each_distortion: bool
) -> dict[str, float]:
    kinds: dict[str, Callable[[Image.Image, int], Image.Image]] = {
        "all distortions": lambda image, seed: rephotograph(image, seed=seed)
    }
    if each_distortion:
        for name in DISTORTIONS:
            kinds[name] = lambda image, seed, name=name: distort(image, kind=name, seed=seed)  # type: ignore[misc]
    right = torch.arange(len(drawn))
    measured = {}
    for name, take in kinds.items():
        photos = (take(image, seed) for seed, image in enumerate(track(drawn, f"photos, {name}")))
        measured[name] = recall_at(encoder.pictures(photos) @ covers.T, right, k=1)
    return measured
