"""Owns the measured quality of a model: captions, words and photographs asked over covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import torch
from PIL import Image
from torch import Tensor

from catalog.demo.photo_distortions import DISTORTIONS, distort, rephotograph
from training.evaluation.encoder import Encoder
from training.evaluation.evaluation_set import EvaluationSet, Pictures, Question
from training.evaluation.metrics import precision_at, recall_at, recall_of
from training.evaluation.report import Report
from training.progress_bar import shown

#: Captions are asked over the first so many covers, so that figures of larger catalogs can be compared.
CAPTIONED = 1000
#: So many covers are photographed; each photograph is looked for among all covers.
_PHOTOGRAPHED = 2000


def measure(encoder: Encoder, asked: EvaluationSet, *, each_distortion: bool = False) -> Report:
    """Return the measured quality of a model over the covers of an evaluation set."""
    covers = encoder.pictures(shown(asked.pictures, "embedding", total=len(asked.pictures)))
    by_word = _precision(encoder, asked, covers=covers)
    captions = asked.captions[:CAPTIONED]
    similarity = encoder.texts(captions) @ covers[:CAPTIONED].T
    return Report(
        covers=len(covers),
        caption_recall=recalls(similarity, same(captions)),
        cover_recall=recalls(similarity.T, same(captions)),
        precision_at_10=_by_class(asked, by_word),
        chance_at_10=_by_class(asked, [_chance(question) for question in asked.questions]),
        precision_by_word={
            f"{q.word_class}: {q.word}": p for q, p in zip(asked.questions, by_word, strict=True)
        },
        photo_recall_at_1=_photo_recall(
            encoder, asked.pictures, covers=covers, each_distortion=each_distortion
        ),
    )


def recalls(similarity: Tensor, relevant: Tensor) -> dict[str, float]:
    """Return recall@1 and recall@10 of rows among columns, by name."""
    return {f"recall@{k} among {len(relevant)}": recall_of(similarity, relevant, k=k) for k in (1, 10)}


def same(captions: Sequence[str]) -> Tensor:
    """Return which captions are a right answer to which: those that read the same, boolean (n, n)."""
    known = {text: number for number, text in enumerate(captions)}
    numbers = torch.tensor([known[text] for text in captions])
    return numbers[:, None] == numbers[None, :]


def _precision(encoder: Encoder, asked: EvaluationSet, *, covers: Tensor) -> list[float]:
    """Return the precision@10 of each question, as a mean over its texts."""
    shares = []
    for question in asked.questions:
        similarity = encoder.texts(question.texts) @ covers.T
        relevant = torch.tensor(question.true).expand_as(similarity)
        shares.append(float(precision_at(similarity, relevant, k=10).mean()))
    return shares


def _chance(question: Question) -> float:
    """Return the precision@10 that covers drawn by lot have on average."""
    right = sum(question.true)
    return 10 * right / len(question.true) / min(10, right)


def _by_class(asked: EvaluationSet, shares: Sequence[float]) -> dict[str, float]:
    """Return the mean over the words of each class."""
    classes: dict[str, list[float]] = {}
    for question, share in zip(asked.questions, shares, strict=True):
        classes.setdefault(question.word_class, []).append(share)
    return {name: sum(found) / len(found) for name, found in classes.items()}


def _photo_recall(
    encoder: Encoder, pictures: Pictures, *, covers: Tensor, each_distortion: bool
) -> dict[str, float]:
    kinds: dict[str, Callable[[Image.Image, int], Image.Image]] = {
        "all distortions": lambda image, seed: rephotograph(image, seed=seed)
    }
    if each_distortion:
        for name in DISTORTIONS:
            kinds[name] = lambda image, seed, name=name: distort(image, kind=name, seed=seed)  # type: ignore[misc]
    count = min(len(pictures), _PHOTOGRAPHED)
    right = torch.arange(count)
    measured = {}
    for name, take in kinds.items():
        taken = shown(islice(pictures, count), f"photos, {name}", total=count)
        photos: Iterator[Image.Image] = (take(image, seed) for seed, image in enumerate(taken))
        measured[name] = recall_at(encoder.pictures(photos) @ covers.T, right, k=1)
    return measured
