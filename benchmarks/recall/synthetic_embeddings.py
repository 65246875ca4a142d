"""Synthetic embeddings that are distributed like CLIP's, with covers in one cone and texts in another."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import EMBEDDING_DIMENSION

Vectors = npt.NDArray[np.float32]

CLUSTERS = 40
#: The maximum number of vectors generated at a time, to limit memory use.
CHUNK = 10_000


class Cones:
    """Generates unit vectors of covers and texts from one random generator.

    Covers form clusters in a cone around one direction, and texts lie in another cone. Covers and texts vary
    most along the same directions.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        square = (EMBEDDING_DIMENSION, EMBEDDING_DIMENSION)
        self._basis = np.linalg.qr(random.standard_normal(square))[0].astype(np.float32)
        spectrum = np.arange(1, EMBEDDING_DIMENSION + 1, dtype=np.float32) ** -0.5
        self._spectrum = spectrum / np.linalg.norm(spectrum)
        self._cover_cone, self._text_cone = unit(random.standard_normal((2, EMBEDDING_DIMENSION)))
        centres = random.standard_normal((CLUSTERS, EMBEDDING_DIMENSION)).astype(np.float32)
        self._clusters = centres * self._spectrum

    def covers(self, count: int) -> Vectors:
        """Return embeddings of covers, shape (count, 512)."""
        return self._around(self._cover_cone, count, cluster=0.8, spread=0.6)

    def texts(self, count: int) -> Vectors:
        """Return embeddings of texts, which are far from all covers, shape (count, 512)."""
        return self._around(self._text_cone, count, cluster=0.35, spread=0.5)

    def behind(self, count: int) -> Vectors:
        """Return vectors far from every cover and every text, shape (count, 512)."""
        return self._around(-self._cover_cone - self._text_cone, count, cluster=0.0, spread=0.3)

    def towards_texts(self, vectors: Vectors) -> npt.NDArray[np.float32]:
        """Return each vector's cosine with the central direction of the texts, shape (count,)."""
        cosines: npt.NDArray[np.float32] = vectors @ self._text_cone
        return cosines

    def _around(self, cone: Vectors, count: int, *, cluster: float, spread: float) -> Vectors:
        made = np.empty((count, EMBEDDING_DIMENSION), dtype=np.float32)
        for start in range(0, count, CHUNK):
            chunk = made[start : start + CHUNK]
            centres = self._clusters[self._random.integers(0, CLUSTERS, len(chunk))]
            noise = self._random.standard_normal(chunk.shape).astype(np.float32) * self._spectrum
            chunk[:] = unit(cone + (centres * cluster + noise * spread) @ self._basis.T)
        return made


def unit(vectors: npt.NDArray[Any], dtype: type = np.float32) -> npt.NDArray[Any]:
    """Return the vectors scaled to length 1."""
    scaled: npt.NDArray[Any] = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(dtype)
    return scaled
