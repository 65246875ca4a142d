"""Measures a model's recall for captions and photographs, and its precision for words."""

from __future__ import annotations

from collections import Counter
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
from training.progress_bar import with_progress_bar

#: The maximum number of covers for the measurement of caption recall; a fixed maximum makes catalogs of
#: different sizes comparable.
CAPTIONED = 1000
#: The maximum number of simulated photographs; each is searched among all covers.
_PHOTOGRAPHED = 2000
#: The number of results that are judged for a single word.
_WORD_K = 10


def measure(encoder: Encoder, evaluation_set: EvaluationSet, *, each_distortion: bool = False) -> Report:
    """Measure a model on an evaluation set, and return the report."""
    covers = encoder.pictures(
        with_progress_bar(evaluation_set.pictures, "embedding", total=len(evaluation_set.pictures))
    )
    words = [question for question in evaluation_set.questions if question.k == _WORD_K]
    combinations = [question for question in evaluation_set.questions if question.k != _WORD_K]
    by_word = _precision(encoder, words, covers=covers)
    captions = evaluation_set.captions[:CAPTIONED]
    similarity = encoder.texts(captions) @ covers[:CAPTIONED].T
    return Report(
        covers=len(covers),
        caption_recall=recalls(similarity, equal_captions(captions)),
        cover_recall=recalls(similarity.T, equal_captions(captions)),
        precision_at_10=_by_class(words, by_word),
        chance_at_10=_by_class(words, [_chance(question) for question in words]),
        precision_by_word={f"{q.word_class}: {q.word}": p for q, p in zip(words, by_word, strict=True)},
        photo_recall_at_1=_photo_recall(
            encoder, evaluation_set.pictures, covers=covers, each_distortion=each_distortion
        ),
        precision_at_5=_by_combination(encoder, combinations, covers=covers),
    )


def recalls(similarity: Tensor, relevant: Tensor) -> dict[str, float]:
    """Return recall@1 and recall@10; each row of `similarity` is a query, and each column is a candidate."""
    return {f"recall@{k} among {len(relevant)}": recall_of(similarity, relevant, k=k) for k in (1, 10)}


def equal_captions(captions: Sequence[str]) -> Tensor:
    """Return a boolean matrix that marks equal captions, because their covers are all right answers."""
    known = {text: number for number, text in enumerate(captions)}
    numbers = torch.tensor([known[text] for text in captions])
    return numbers[:, None] == numbers[None, :]


def _precision(encoder: Encoder, questions: Sequence[Question], *, covers: Tensor) -> list[float]:
    """Return the precision at `k` of each question as the mean over the question's texts."""
    shares = []
    for question in questions:
        similarity = encoder.texts(question.texts) @ covers.T
        relevant = torch.tensor(question.true).expand_as(similarity)
        shares.append(float(precision_at(similarity, relevant, k=question.k).mean()))
    return shares


def _by_combination(encoder: Encoder, questions: Sequence[Question], *, covers: Tensor) -> dict[str, float]:
    """Return the mean precision of each combination of attributes, named with its number of queries."""
    counts = Counter(question.word_class for question in questions)
    means = _by_class(questions, _precision(encoder, questions, covers=covers))
    return {f"{name} ({counts[name]} queries)": share for name, share in means.items()}


def _chance(question: Question) -> float:
    """Return the expected precision@10 of randomly chosen covers."""
    right = sum(question.true)
    return 10 * right / len(question.true) / min(10, right)


def _by_class(questions: Sequence[Question], shares: Sequence[float]) -> dict[str, float]:
    """Return a dictionary that maps each class of words to the mean value of its words."""
    classes: dict[str, list[float]] = {}
    for question, share in zip(questions, shares, strict=True):
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
        taken = with_progress_bar(islice(pictures, count), f"photos, {name}", total=count)
        photos: Iterator[Image.Image] = (take(image, seed) for seed, image in enumerate(taken))
        measured[name] = recall_at(encoder.pictures(photos) @ covers.T, right, k=1)
    return measured
