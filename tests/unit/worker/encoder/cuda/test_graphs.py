"""CUDA graphs on a real GPU; without a GPU these tests are skipped."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from common.errors import ModelUnavailable
from tests.optional_packages import NEEDS_TORCH
from worker.batching import Batcher
from worker.encoder.load_encoder import load_encoder
from worker.encoder.model_files import find_model

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from worker.encoder.cuda import encoder as cuda_encoder
from worker.encoder.cuda.batches import IMAGE_SIZES, TEXT_SIZES
from worker.encoder.cuda.encoder import CudaEncoder
from worker.encoder.cuda.towers import TextTower

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device, or a torch that is built without CUDA"
)

TEXTS = [f"a red cover with {number} circles" + " and blue squares" * (number % 20) for number in range(300)]


def on_gpu(folder: Path, **options: Any) -> CudaEncoder:
    return CudaEncoder(find_model(str(folder)), device=torch.device("cuda", 0), **options)


@pytest.fixture(scope="module")
def exact(demo_model: Path) -> CudaEncoder:
    """The model on the CPU in float32."""
    return CudaEncoder(
        find_model(str(demo_model)), device=torch.device("cpu"), precision="float32", graphs=False
    )


@pytest.fixture(scope="module")
def encoder(demo_model: Path) -> Iterator[CudaEncoder]:
    encoder = on_gpu(demo_model)
    yield encoder
    encoder.close()


def some_pixels(encoder: CudaEncoder, count: int) -> npt.NDArray[np.uint8]:
    side = encoder.input_size_px
    return np.random.default_rng(4).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def lowest_cosine(ours: npt.NDArray[np.float32], exact: npt.NDArray[np.float32]) -> float:
    return float((ours * exact).sum(axis=1).min())


def test_a_gpu_is_used_by_default(demo_model: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(demo_model), cache_dir=tmp_path)

    assert (encoder.kind, encoder.device, encoder.precision) == ("torch", "cuda:0", "bfloat16")
    encoder.close()


@pytest.mark.parametrize("items", [1, 2, 4, 5, 17, 64, 100, 256, 300])
def test_a_padded_batch_agrees_with_the_cpu(items: int, encoder: CudaEncoder, exact: CudaEncoder) -> None:
    pixels, texts = some_pixels(exact, 300)[-items:], TEXTS[-items:]

    images, words = encoder.encode_images(pixels), encoder.encode_texts(texts)

    assert images.shape == words.shape == (items, 512)
    assert lowest_cosine(images, exact.encode_images(pixels)) > 0.999
    assert lowest_cosine(words, exact.encode_texts(texts)) > 0.999


def test_float32_on_a_gpu_equals_float32_on_the_cpu(demo_model: Path, exact: CudaEncoder) -> None:
    encoder = on_gpu(demo_model, precision="float32")
    pixels = some_pixels(exact, 20)

    images, words = encoder.encode_images(pixels), encoder.encode_texts(TEXTS[:20])
    encoder.close()

    np.testing.assert_allclose(images, exact.encode_images(pixels), rtol=0, atol=1e-5)
    np.testing.assert_allclose(words, exact.encode_texts(TEXTS[:20]), rtol=0, atol=1e-5)


def test_earlier_batches_do_not_change_later_vectors(encoder: CudaEncoder) -> None:
    pixels = some_pixels(encoder, 40)
    first = encoder.encode_images(pixels[:3]), encoder.encode_texts(TEXTS[:3])

    encoder.encode_images(255 - pixels)
    encoder.encode_texts(TEXTS[100:140])
    again = encoder.encode_images(pixels[:3]), encoder.encode_texts(TEXTS[:3])

    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_several_passes_of_one_call_keep_their_order(encoder: CudaEncoder) -> None:
    pixels = some_pixels(encoder, 1100)

    whole = encoder.encode_images(pixels)

    parts = np.concatenate(
        [encoder.encode_images(pixels[start : start + 256]) for start in range(0, 1100, 256)]
    )
    assert lowest_cosine(whole, parts) > 0.9999


def test_threads_that_share_an_encoder_get_their_own_vectors(encoder: CudaEncoder) -> None:
    pixels = some_pixels(encoder, 64)
    images = encoder.encode_images(pixels)
    words = encoder.encode_texts(TEXTS[:64])

    with ThreadPoolExecutor(8) as threads:
        got_images = list(threads.map(lambda n: encoder.encode_images(pixels[n : n + 1]), range(64)))
        got_words = list(threads.map(lambda n: encoder.encode_texts(TEXTS[n : n + 1]), range(64)))

    assert lowest_cosine(np.concatenate(got_images), images) > 0.999
    assert lowest_cosine(np.concatenate(got_words), words) > 0.999


def test_the_batcher_returns_each_item_its_vector(encoder: CudaEncoder) -> None:
    pixels = some_pixels(encoder, 150)

    with Batcher(encoder, max_size=256) as batcher:
        futures = [
            (batcher.submit_image(each), batcher.submit_text(text))
            for each, text in zip(pixels, TEXTS, strict=False)
        ]
        images = np.stack([image.result(30).embedding for image, _ in futures])
        words = np.stack([text.result(30).embedding for _, text in futures])

    assert lowest_cosine(images, encoder.encode_images(pixels)) > 0.999
    assert lowest_cosine(words, encoder.encode_texts(TEXTS[:150])) > 0.999


def test_the_costs_of_the_graphs_are_counted_and_logged(
    demo_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="worker.encoder.cuda.forward_passes"):
        encoder = on_gpu(demo_model)
    costs = encoder.graph_costs
    encoder.close()

    assert costs is not None
    assert costs.graphs == 2 * len(IMAGE_SIZES) + len(encoder._token_counts) * len(TEXT_SIZES)
    assert costs.gpu_mb > 0
    assert costs.pinned_mb > 0
    assert [record.message for record in caplog.records] == ["captured CUDA graphs"]


def test_without_graphs_the_vectors_agree_too(demo_model: Path, exact: CudaEncoder) -> None:
    encoder = on_gpu(demo_model, graphs=False)
    pixels = some_pixels(exact, 20)

    images, words = encoder.encode_images(pixels), encoder.encode_texts(TEXTS[:20])

    assert encoder.graph_costs is None
    assert lowest_cosine(images, exact.encode_images(pixels)) > 0.999
    assert lowest_cosine(words, exact.encode_texts(TEXTS[:20])) > 0.999
    encoder.close()


def test_a_model_whose_graphs_cannot_be_captured_is_refused(
    demo_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Synchronizing(TextTower):
        def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
            embeddings = super().__call__(inputs)
            float(embeddings.sum())  # waits for the GPU, which no capture allows
            return embeddings

    monkeypatch.setattr(cuda_encoder, "TextTower", Synchronizing)

    with pytest.raises(ModelUnavailable, match="CUDA_GRAPHS=off"):
        on_gpu(demo_model)

    monkeypatch.undo()
    encoder = on_gpu(demo_model)
    assert encoder.encode_texts(["red"]).shape == (1, 512)
    encoder.close()


def test_too_little_gpu_memory_is_reported(demo_model: Path) -> None:
    torch.cuda.empty_cache()
    total_bytes = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(1e6 / total_bytes)
    try:
        with pytest.raises(ModelUnavailable, match="memory"):
            on_gpu(demo_model)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
