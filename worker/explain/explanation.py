"""Explains the results of a search by the parts of the query and by the words closest to each cover."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import MatchEmbeddings, Matches
from common.result_json import SIMILARITY_DIGITS, ClosestWord, Explanation, PartContribution
from worker.explain.vocabulary import VisualVocabulary, WordGroup

Vectors = npt.NDArray[np.float32]

#: The minimum distance of a cover from the catalog's mean cover. A nearer cover has no words, because its
#: difference from the mean is mostly rounding error; a catalog of one album has only such a cover.
_MIN_DISTANCE = 1e-2
#: The maximum number of multiplications of a matrix product that OpenBLAS computes on one thread. A product
#: on several threads waits for the slowest: on two busy cores, its p90 was 16 ms instead of 0.24 ms.
_MULTIPLICATIONS_ON_ONE_THREAD = 1 << 18


class WordVectors(Protocol):
    """The source of the vectors of a vocabulary's words."""

    def get(self, *, timeout_s: float, check: Callable[[], None]) -> Vectors: ...


class Explainer:
    """Explains results; thread-safe."""

    def __init__(self, vocabulary: VisualVocabulary, words: WordVectors) -> None:
        self._vocabulary = vocabulary
        self._words = words

    def explain(
        self,
        matches: Matches,
        addends: npt.NDArray[np.float64] | None,
        *,
        timeout_s: float,
        check: Callable[[], None] = lambda: None,
    ) -> list[Explanation]:
        """Return one explanation for each match, whose embeddings must have been requested.

        `addends` contains the weighted vectors of the query's parts, shape (parts, 512), whose sum is the
        query's unit vector; it is None if the query is one album. `check` is called repeatedly while the
        words are embedded; if it raises an error, the explanation ends with this error.

        Raises:
            DeadlineExceeded: the vectors of the words were not ready in time.
        """
        if not len(matches) or matches.embeddings is None:
            return []
        vectors = self._words.get(timeout_s=timeout_s, check=check)
        words = closest_words(self._vocabulary, vectors, matches.embeddings)
        parts = contributions(matches, matches.embeddings.albums, addends)
        return [{"parts": p, "words": w} for p, w in zip(parts, words, strict=True)]


def contributions(
    matches: Matches, albums: Vectors, addends: npt.NDArray[np.float64] | None
) -> list[list[PartContribution]]:
    """Return the contributions of the query's parts to each match, which add up to the match's similarity.

    The catalog computes similarities in full precision but sends embeddings in half precision. The difference
    of about 0.00002 is distributed over the parts in proportion to their weights. The contributions are then
    rounded, and the part with the largest weight gets the sum of the rounding errors.
    """
    similarities = np.array([round(match.similarity, SIMILARITY_DIGITS) for match in matches])
    if addends is None:
        shares = similarities[:, None]
    else:
        weights = np.linalg.norm(addends, axis=1)
        shares = (albums @ addends.T.astype(np.float32)).astype(np.float64)
        shares += np.outer(similarities - shares.sum(axis=1), weights / weights.sum())
        shares = shares.round(SIMILARITY_DIGITS)
        shares[:, weights.argmax()] += similarities - shares.sum(axis=1)
    rounded = shares.round(SIMILARITY_DIGITS).tolist()
    return [[{"part": part, "contribution": share} for part, share in enumerate(row)] for row in rounded]


def closest_words(
    vocabulary: VisualVocabulary, words: Vectors, embeddings: MatchEmbeddings
) -> list[list[ClosestWord]]:
    """Return the closest words of each group for each album, the most similar first.

    The similarity is the cosine between two difference vectors: the cover minus the catalog's mean cover, and
    the word minus the mean word of its group. Words whose similarity is not positive are left out.
    """
    relative = embeddings.albums - embeddings.mean
    distances = np.linalg.norm(relative, axis=1)
    relative[distances < _MIN_DISTANCE] = 0
    similarities = _products(relative, words) / np.maximum(distances, _MIN_DISTANCE)[:, None]
    places = np.concatenate([_best(similarities, group) for group in vocabulary.groups], axis=1)
    found = np.take_along_axis(similarities, places, axis=1)
    order = np.argsort(-found, axis=1)
    rounded = np.take_along_axis(found, order, axis=1).astype(np.float64).round(SIMILARITY_DIGITS)
    return [
        [
            {"word": vocabulary.words[place], "similarity": similarity, "group": vocabulary.group_of[place]}
            for place, similarity in zip(*row, strict=True)
            if similarity > 0
        ]
        for row in zip(np.take_along_axis(places, order, axis=1).tolist(), rounded.tolist(), strict=True)
    ]


def _products(albums: Vectors, words: Vectors) -> Vectors:
    """Return `albums @ words.T`, computed on one thread."""
    products = np.empty((len(words), len(albums)), dtype=np.float32)
    step = max(1, _MULTIPLICATIONS_ON_ONE_THREAD // albums.size)
    for start in range(0, len(words), step):
        np.matmul(words[start : start + step], albums.T, out=products[start : start + step])
    return products.T


def _best(similarities: Vectors, group: WordGroup) -> npt.NDArray[np.intp]:
    """Return the places of the closest words of one group for each album, shape (albums, group.named)."""
    own = similarities[:, group.places]
    if group.named == 1:
        best = own.argmax(axis=1)[:, None]
    else:
        best = np.argpartition(own, -group.named, axis=1)[:, -group.named :]
    places: npt.NDArray[np.intp] = best + group.places.start
    return places
