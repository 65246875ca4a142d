"""The embeddings of the vocabulary: computed on first use, in small batches, and stored in a file."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common.errors import DeadlineExceeded, QueueFull
from tests.polling import eventually
from worker.encoder.protocol import Embeddings
from worker.encoder.stand_in_encoder import FixedLatencyEncoder
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import WordEmbeddings

VOCABULARY = VisualVocabulary.load()
WAIT_S = 60.0


class CountingModel:
    """Embeds texts and records the batches; a test can make it wait or fail."""

    def __init__(self) -> None:
        self.batches: list[Sequence[str]] = []
        self.fault: Exception | None = None
        #: The number of batches that are embedded before the fault.
        self.batches_before_fault = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._encoder = FixedLatencyEncoder()

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.batches.append(texts)
        self.may_go_on.wait(WAIT_S)
        if self.fault is not None and len(self.batches) > self.batches_before_fault:
            raise self.fault
        return self._encoder.encode_texts(texts)


@pytest.fixture
def model() -> CountingModel:
    return CountingModel()


def words_of(
    model: CountingModel,
    folder: Path,
    *,
    vocabulary: VisualVocabulary = VOCABULARY,
    fingerprint: str = "f" * 64,
) -> WordEmbeddings:
    return WordEmbeddings(vocabulary, embed=model.embed, fingerprint=fingerprint, cache_dir=folder)


def test_nothing_is_computed_before_the_first_use(model: CountingModel, tmp_path: Path) -> None:
    words_of(model, tmp_path)

    assert model.batches == []
    assert list(tmp_path.iterdir()) == []


def test_every_text_is_embedded_once_in_batches_of_at_most_eight(
    model: CountingModel, tmp_path: Path
) -> None:
    vectors = words_of(model, tmp_path).get(timeout_s=WAIT_S)

    assert vectors.shape == (len(VOCABULARY.words), 512)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert [text for batch in model.batches for text in batch] == list(VOCABULARY.texts)
    assert max(map(len, model.batches)) <= 8


def test_the_vectors_of_each_group_have_a_mean_near_zero(model: CountingModel, tmp_path: Path) -> None:
    vectors = words_of(model, tmp_path).get(timeout_s=WAIT_S)

    for group in VOCABULARY.groups:
        assert np.linalg.norm(vectors[group.places].mean(axis=0)) < 0.05


def test_searches_at_the_same_time_share_one_computation(model: CountingModel, tmp_path: Path) -> None:
    words = words_of(model, tmp_path)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: words.get(timeout_s=WAIT_S), range(8)))

    assert all(vectors is found[0] for vectors in found)
    assert sum(map(len, model.batches)) == len(VOCABULARY.texts)


def test_another_process_reads_the_stored_vectors(model: CountingModel, tmp_path: Path) -> None:
    made = words_of(model, tmp_path).get(timeout_s=WAIT_S)
    later = CountingModel()

    read = words_of(later, tmp_path).get(timeout_s=WAIT_S)

    assert later.batches == []
    assert np.array_equal(read, made)
    assert [path.suffix for path in (tmp_path / "vocabulary").iterdir()] == [".npy"]


@pytest.mark.parametrize(
    "other",
    [{"fingerprint": "e" * 64}, {"vocabulary": replace(VOCABULARY, version="2-0123456789ab")}],
    ids=["model", "vocabulary"],
)
def test_each_model_and_each_vocabulary_has_its_own_vectors(
    model: CountingModel, tmp_path: Path, other: dict[str, str]
) -> None:
    words_of(model, tmp_path).get(timeout_s=WAIT_S)
    later = CountingModel()

    words_of(later, tmp_path, **other).get(timeout_s=WAIT_S)  # type: ignore[arg-type]

    assert later.batches != []
    assert len(list((tmp_path / "vocabulary").iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "shape", "zero", "nan", "double", "text"])
def test_a_damaged_file_is_replaced(
    damage: str, model: CountingModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = words_of(model, tmp_path).get(timeout_s=WAIT_S)
    (path,) = (tmp_path / "vocabulary").iterdir()
    spoil(path, made, damage)
    later = CountingModel()

    with caplog.at_level(logging.WARNING):
        read = words_of(later, tmp_path).get(timeout_s=WAIT_S)

    assert "the stored vocabulary" in caplog.text
    assert np.array_equal(read, made)
    assert np.array_equal(np.load(path), made)


def spoil(path: Path, vectors: Embeddings, damage: str) -> None:
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-1000])
        case "empty":
            path.write_bytes(b"")
        case "shape":
            np.save(path, vectors[:-1])
        case "zero":
            np.save(path, vectors * 0)
        case "nan":
            np.save(path, vectors * np.float32("nan"))
        case "double":
            np.save(path, vectors.astype(np.float64))
        case "text":
            path.write_text("no array")


def test_a_cache_that_cannot_be_written_is_only_a_warning(
    model: CountingModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vocabulary").write_text("a file in the place of the folder")

    with caplog.at_level(logging.WARNING):
        vectors = words_of(model, tmp_path).get(timeout_s=WAIT_S)

    assert vectors.shape == (len(VOCABULARY.words), 512)
    assert "cannot be stored" in caplog.text


def test_a_search_whose_deadline_passes_does_not_stop_the_computation(
    model: CountingModel, tmp_path: Path
) -> None:
    words = words_of(model, tmp_path)
    model.may_go_on.clear()

    with pytest.raises(DeadlineExceeded):
        words.get(timeout_s=0.01)
    model.may_go_on.set()

    eventually(lambda: sum(map(len, model.batches)) == len(VOCABULARY.texts))
    assert words.get(timeout_s=WAIT_S).shape == (len(VOCABULARY.words), 512)
    assert sum(map(len, model.batches)) == len(VOCABULARY.texts)


def test_a_failed_computation_is_tried_again_by_the_next_search(model: CountingModel, tmp_path: Path) -> None:
    words = words_of(model, tmp_path)
    model.fault = RuntimeError("the model fails")
    with pytest.raises(RuntimeError, match="the model fails"):
        words.get(timeout_s=WAIT_S)

    model.fault = None

    assert words.get(timeout_s=WAIT_S).shape == (len(VOCABULARY.words), 512)


def test_an_attempt_after_a_full_queue_continues_after_the_finished_batches(
    model: CountingModel, tmp_path: Path
) -> None:
    words = words_of(model, tmp_path)
    model.fault, model.batches_before_fault = QueueFull("1024 items already wait for the model"), 3
    with pytest.raises(QueueFull):
        words.get(timeout_s=WAIT_S)
    refused = model.batches.pop()
    model.fault = None

    vectors = words.get(timeout_s=WAIT_S)

    assert model.batches[3] == refused
    assert [text for batch in model.batches for text in batch] == list(VOCABULARY.texts)
    assert np.array_equal(vectors, words_of(CountingModel(), tmp_path / "other").get(timeout_s=WAIT_S))


def test_a_canceled_search_stops_waiting_for_the_words(model: CountingModel, tmp_path: Path) -> None:
    words = words_of(model, tmp_path)
    model.may_go_on.clear()
    checks = iter([None, None])

    def check() -> None:
        if next(checks, "canceled") == "canceled":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        words.get(timeout_s=WAIT_S, check=check)
    model.may_go_on.set()

    assert words.get(timeout_s=WAIT_S).shape == (len(VOCABULARY.words), 512)
    assert sum(map(len, model.batches)) == len(VOCABULARY.texts)
