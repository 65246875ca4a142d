"""The embeddings of the vocabulary's words, which are computed once for each model and stored in a file.

    <MODEL_CACHE_DIR>/vocabulary/<fingerprint>-<vocabulary version>.npy

The first explained search of a worker process reads the file. If the file is missing, a thread computes the
embeddings in small batches, so that other searches can use the model between two batches.
"""

import concurrent.futures
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import DeadlineExceeded
from worker.explain.vocabulary import VisualVocabulary

log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]

#: The number of texts in one batch of the model; another search waits for at most one of these batches.
_TEXTS_AT_ONCE = 8
#: A search that waits for the embeddings checks after this number of seconds whether its run was canceled.
_CHECK_EVERY_S = 0.2
#: The maximum deviation of a stored vector's length from 1.
_LENGTH_TOLERANCE = 1e-3


class WordEmbeddings:
    """The unit vectors of a vocabulary's words, made on first use; thread-safe."""

    def __init__(
        self,
        vocabulary: VisualVocabulary,
        *,
        embed: Callable[[Sequence[str]], Vectors],
        fingerprint: str,
        cache_dir: Path,
    ) -> None:
        """Store the arguments; nothing is read or computed yet.

        `embed` returns the vectors of a few texts, shape (n, 512); `fingerprint` identifies its model.
        """
        self._vocabulary = vocabulary
        self._embed = embed
        folder = cache_dir.expanduser() / "vocabulary"
        self._path = folder / f"{fingerprint[:32]}-{vocabulary.version}.npy"
        self._starting = threading.Lock()
        self._made: concurrent.futures.Future[Vectors] | None = None
        #: The vectors of the finished batches; after a failed attempt, the next attempt continues after them.
        self._batches: list[Vectors] = []

    def get(self, *, timeout_s: float, check: Callable[[], None] = lambda: None) -> Vectors:
        """Return the unit vectors of the words, shape (words, 512), each relative to the mean of its group.

        `check` is called repeatedly during the wait; if it raises an error, the wait ends with this error.

        Raises:
            DeadlineExceeded: the vectors were not ready in time; the thread continues to compute them.
        """
        made = self._started()
        until = time.monotonic() + timeout_s
        while not made.done():
            check()
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise DeadlineExceeded("the deadline passed before the words of explanations were embedded")
            concurrent.futures.wait([made], timeout=min(left_s, _CHECK_EVERY_S))
        return made.result()

    def _started(self) -> "concurrent.futures.Future[Vectors]":
        with self._starting:
            failed = self._made is not None and self._made.done() and self._made.exception() is not None
            if self._made is None or failed:
                self._made = concurrent.futures.Future()
                threading.Thread(
                    target=self._make, args=(self._made,), name="vocabulary", daemon=True
                ).start()
            return self._made

    def _make(self, made: "concurrent.futures.Future[Vectors]") -> None:
        try:
            vectors = self._stored()
            if vectors is None:
                vectors = relative_to_group(self._vocabulary, self._embedded())
                self._store(vectors)
        except Exception as error:  # noqa: BLE001 - any error of the model is passed to the runs that wait
            made.set_exception(error)
        else:
            made.set_result(vectors)

    def _embedded(self) -> Vectors:
        """Return the mean of each word's vectors in all forms."""
        texts = self._vocabulary.texts
        done = len(self._batches) * _TEXTS_AT_ONCE
        log.info("embedding the visual vocabulary", extra={"texts": len(texts) - done})
        for start in range(done, len(texts), _TEXTS_AT_ONCE):
            self._batches.append(self._embed(texts[start : start + _TEXTS_AT_ONCE]))
        vectors = np.concatenate(self._batches)
        self._batches.clear()
        mean: Vectors = vectors.reshape(len(self._vocabulary.forms), -1, EMBEDDING_DIMENSION).mean(axis=0)
        return mean

    def _stored(self) -> Vectors | None:
        """Return the stored vectors, or None if the file is missing or damaged."""
        try:
            vectors: Vectors = np.load(self._path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            log.warning("the stored vocabulary cannot be read", extra={"error": str(error)})
            return None
        if not self._is_valid(vectors):
            log.warning("the stored vocabulary is damaged", extra={"path": str(self._path)})
            return None
        return vectors

    def _is_valid(self, vectors: Vectors) -> bool:
        if vectors.shape != (len(self._vocabulary.words), EMBEDDING_DIMENSION) or vectors.dtype != np.float32:
            return False
        # If a vector contains NaN, the comparison is false.
        return bool((abs(np.linalg.norm(vectors, axis=1) - 1) < _LENGTH_TOLERANCE).all())

    def _store(self, vectors: Vectors) -> None:
        """Write the file under a temporary name and rename it, so that it is complete or missing."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._path.with_suffix(f".{secrets.token_hex(4)}.partial")
            with unfinished.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)
            unfinished.replace(self._path)
        except OSError as error:
            log.warning("the vocabulary's embeddings cannot be stored", extra={"error": str(error)})


def relative_to_group(vocabulary: VisualVocabulary, vectors: Vectors) -> Vectors:
    """Return the unit vectors of the differences between each word and the mean of its group.

    In CLIP the vectors of all texts have a large component in common, which the vectors of images lack. The
    difference of two texts' vectors does not contain this component.
    """
    relative = np.empty_like(vectors)
    for group in vocabulary.groups:
        relative[group.places] = vectors[group.places] - vectors[group.places].mean(axis=0)
    unit: Vectors = relative / np.linalg.norm(relative, axis=1, keepdims=True)
    return unit
