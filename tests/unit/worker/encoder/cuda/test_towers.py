"""The encoder for GPUs computes on a CPU what transformers computes; CUDA graphs need a GPU."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from common.errors import ModelUnavailable
from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.conftest import edit_config, write_tiny_clip
from worker.encoder.load_encoder import load_encoder
from worker.encoder.model_files import find_model

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from worker.encoder.cuda.encoder import CudaEncoder

TEXTS = ["red", "", "a blue cover", "one<|endoftext|>two", "so many words that some are cut " * 5]


def on_cpu(folder: Path, **options: Any) -> CudaEncoder:
    return CudaEncoder(find_model(str(folder)), device=torch.device("cpu"), graphs=False, **options)


def some_pixels(count: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("model", [{}, {"activation": "gelu"}, {"eos_id": 2}])
def test_vectors_in_float32_equal_those_of_transformers(model: Any, tmp_path: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model", **model)
    reference = load_encoder(str(folder), kind="torch", device="cpu", cache_dir=tmp_path)
    pixels, texts = some_pixels(70), TEXTS * 20

    encoder = on_cpu(folder, precision="float32")

    assert encoder.precision == "float32"
    np.testing.assert_allclose(
        encoder.encode_images(pixels), reference.encode_images(pixels), rtol=0, atol=2e-6
    )
    np.testing.assert_allclose(encoder.encode_texts(texts), reference.encode_texts(texts), rtol=0, atol=2e-6)


def test_bfloat16_has_a_high_cosine_with_float32(demo_model: Path) -> None:
    exact, coarse = on_cpu(demo_model, precision="float32"), on_cpu(demo_model)
    side = exact.input_size_px
    pixels = np.random.default_rng(5).integers(0, 256, (20, side, side, 3), dtype=np.uint8)

    images = (exact.encode_images(pixels) * coarse.encode_images(pixels)).sum(axis=1)
    texts = (exact.encode_texts(TEXTS) * coarse.encode_texts(TEXTS)).sum(axis=1)

    assert coarse.precision == "bfloat16"
    assert images.min() > 0.999
    assert texts.min() > 0.999


def test_an_empty_batch_gives_no_rows(tiny_clip: Path) -> None:
    encoder = on_cpu(tiny_clip)

    assert encoder.encode_texts([]).shape == (0, 512)
    assert encoder.encode_images(some_pixels(0)).shape == (0, 512)


def test_pixels_that_are_not_writable_are_embedded(tiny_clip: Path) -> None:
    encoder = on_cpu(tiny_clip)
    pixels = np.frombuffer(some_pixels(1).tobytes(), dtype=np.uint8).reshape(1, 32, 32, 3)

    assert encoder.encode_images(pixels).shape == (1, 512)


def test_a_truncated_text_is_recognized(tiny_clip: Path) -> None:
    encoder = on_cpu(tiny_clip)

    assert [encoder.truncates(text) for text in TEXTS] == [False] * 4 + [True]


def test_an_unknown_activation_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model")
    shape = {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    edit_config(
        folder,
        vision_config={**shape, "image_size": 32, "patch_size": 8, "hidden_act": "tanh"},
    )

    with pytest.raises(ModelUnavailable, match="activation tanh"):
        on_cpu(folder)


def test_a_model_of_another_size_than_its_preprocessing_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model")
    preprocessing = folder / "preprocessor_config.json"
    preprocessing.write_text(preprocessing.read_text().replace("32", "64"))

    with pytest.raises(ModelUnavailable, match="32 pixels, its preprocessing makes 64"):
        on_cpu(folder)
