"""Explanations of the stand-in worker: computed by the worker's code from random embeddings."""

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import MatchEmbeddings, Matches
from common.result_json import Explanation
from common.search_query import SearchQuery
from worker.explain.explanation import Explainer
from worker.explain.vocabulary import VisualVocabulary

VOCABULARY = VisualVocabulary.load()


class RandomWords:
    """Random vectors of the words of the visual vocabulary."""

    def get(self, **_wait: object) -> npt.NDArray[np.float32]:
        return _unit_vectors(len(VOCABULARY.words), seed=1).astype(np.float32)


def random_explanations(matches: Matches, query: SearchQuery) -> list[Explanation]:
    """Explain matches with the worker's code, but with random embeddings of the albums and the parts."""
    matches.embeddings = MatchEmbeddings(
        _unit_vectors(len(matches), seed=2).astype(np.float32), mean=np.zeros(512, np.float32)
    )
    weights = np.array([part.weight for part in query.parts])
    addends = weights[:, None] * _unit_vectors(len(query.parts), seed=3)
    addends /= np.linalg.norm(addends.sum(axis=0))
    explainer = Explainer(VOCABULARY, RandomWords())
    return explainer.explain(matches, None if query.type == "album" else addends, timeout_s=1)


def _unit_vectors(count: int, *, seed: int) -> npt.NDArray[np.float64]:
    vectors = np.random.default_rng(seed).standard_normal((count, 512))
    unit: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
