"""Compare corrections of the similarity of words and covers.

Run it with `python -m benchmarks.explain.compare_word_similarities`.

The covers come from the seed with which the vocabulary was tuned. The decision record
docs/decisions/0027-closest-words.md shows the printed table.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from benchmarks.explain.closest_words import embedded
from benchmarks.explain.expected_words import is_true
from benchmarks.harness.benchmark_context import DEMO_MODEL, STATE
from catalog.demo.albums import demo_albums
from worker.encoder.load_encoder import load_encoder
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import relative_to_group

TUNING_SEED = 314
COVERS, REFERENCE_COVERS = 1000, 500
SHOWN = 6

Matrix = npt.NDArray[np.float32]
#: Computes the score of each cover (row) and word (column) from covers, reference covers and words.
Correction = Callable[[Matrix, Matrix, Matrix], Matrix]


def _unit(vectors: Matrix) -> Matrix:
    normed: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normed


def _none(covers: Matrix, _reference: Matrix, words: Matrix) -> Matrix:
    return covers @ _unit(words).T


def _word_mean(covers: Matrix, reference: Matrix, words: Matrix) -> Matrix:
    scores: Matrix = (covers - reference.mean(axis=0)) @ _unit(words).T
    return scores


def _z_score(covers: Matrix, reference: Matrix, words: Matrix) -> Matrix:
    deviations: Matrix = (reference @ _unit(words).T).std(axis=0)
    return _word_mean(covers, reference, words) / deviations


def _both_means(covers: Matrix, reference: Matrix, words: Matrix) -> Matrix:
    return _unit(covers - reference.mean(axis=0)) @ _unit(words - words.mean(axis=0)).T


def _group_means(covers: Matrix, reference: Matrix, words: Matrix) -> Matrix:
    relative = relative_to_group(VisualVocabulary.load(), words)
    return _unit(covers - reference.mean(axis=0)) @ relative.T


def _group_means_alone(covers: Matrix, _reference: Matrix, words: Matrix) -> Matrix:
    return covers @ relative_to_group(VisualVocabulary.load(), words).T


CORRECTIONS: Mapping[str, Correction] = MappingProxyType(
    {
        "none: the cosine": _none,
        "minus the word's mean over covers": _word_mean,
        "z-score over covers": _z_score,
        "cosine after subtracting the mean cover and the mean word": _both_means,
        "the same with the mean word of each group": _group_means,
        "the mean word of each group, no mean cover": _group_means_alone,
    }
)


def chosen(scores: Matrix, limits: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Return the places of the best words of each cover; `limits` is the maximum number for each group."""
    groups = VisualVocabulary.load().group_of
    rows = []
    for order in np.argsort(-scores, axis=1, kind="stable"):
        left = dict(limits)
        row: list[int] = []
        for place in order:
            if left[groups[place]] and len(row) < SHOWN:
                left[groups[place]] -= 1
                row.append(int(place))
        rows.append(row + row[-1:] * (SHOWN - len(row)))
    return np.array(rows)


def with_gap(vectors: Matrix, *, seed: int) -> Matrix:
    """Return the vectors with a large component that they all share, as all images of CLIP do."""
    shared = np.random.default_rng(seed).standard_normal((1, vectors.shape[1])).astype(np.float32)
    return _unit(_unit(vectors) + 1.5 * _unit(shared))


def main(_arguments: Sequence[str] = ()) -> int:
    """Print the precision of the first word, of three words and of all shown words for each correction."""
    vocabulary = VisualVocabulary.load()
    names = [group.name for group in vocabulary.groups]
    one = dict.fromkeys(names, 1)
    limits = {
        "no limit": dict.fromkeys(names, SHOWN),
        "two of a group": dict.fromkeys(names, 2),
        "one of a group": one,
        "one, and two colours": one | {"colour": 2},
    }
    albums = demo_albums(COVERS + REFERENCE_COVERS, seed=TUNING_SEED)
    encoder = load_encoder(str(DEMO_MODEL), kind="openvino", cache_dir=STATE / "models")
    with tempfile.TemporaryDirectory(prefix="corrections-") as folder:
        vectors = embedded(albums, encoder, covers=Path(folder))
    forms = encoder.encode_texts(vocabulary.texts).reshape(len(vocabulary.forms), -1, vectors.shape[1])
    words: Matrix = forms.mean(axis=0)
    true = np.array([[is_true(word, album) for word in vocabulary.words] for album in albums[:COVERS]])
    judged, reference = vectors[:COVERS], vectors[COVERS:]
    far_words, far = with_gap(words, seed=2), with_gap(vectors, seed=1)
    print(
        f"| correction | {' | '.join(limits)} | the last, with a gap |\n| --- |{' --- |' * (len(limits) + 1)}"
    )
    for name, correction in CORRECTIONS.items():
        scores = correction(judged, reference, words)
        cells = [_precision(scores, true, limit) for limit in limits.values()]
        scores = correction(far[:COVERS], far[COVERS:], far_words)
        cells.append(_precision(scores, true, one | {"colour": 2}))
        print(f"| {name} | {' | '.join(cells)} |")
    for size in (2, 3, 10, 100, REFERENCE_COVERS):
        scores = _group_means(judged, reference[:size], words)
        print(f"mean of {size} covers: {_precision(scores, true, one | {'colour': 2})}")
    return 0


def _precision(scores: Matrix, true: npt.NDArray[np.bool_], limits: Mapping[str, int]) -> str:
    hits = np.take_along_axis(true, chosen(scores, limits), axis=1)[:, : min(SHOWN, sum(limits.values()))]
    return " / ".join(f"{hits[:, :count].mean():.2f}" for count in (1, 3, hits.shape[1]))


if __name__ == "__main__":
    sys.exit(main())
