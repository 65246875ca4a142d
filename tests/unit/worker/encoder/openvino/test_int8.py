from pathlib import Path

import numpy as np
import pytest

from worker.encoder.load_encoder import load_encoder
from worker.encoder.openvino.int8 import quantize
from worker.encoder.protocol import Encoder

pytestmark = pytest.mark.starts_processes

TEXTS = ["red", "a blue cover", "a cover so red that words fail"]


@pytest.fixture(scope="module")
def exact(demo_model: Path, export_cache: Path) -> Encoder:
    return load_encoder(str(demo_model), kind="openvino", precision="float32", cache_dir=export_cache)


@pytest.fixture(scope="module")
def coarse(demo_model: Path, export_cache: Path) -> Encoder:
    return load_encoder(str(demo_model), kind="openvino", precision="int8", cache_dir=export_cache)


def test_int8_vectors_have_a_high_cosine_with_the_exact_ones(exact: Encoder, coarse: Encoder) -> None:
    side = exact.input_size_px
    pixels = np.random.default_rng(1).integers(0, 256, (4, side, side, 3), dtype=np.uint8)

    texts = (exact.encode_texts(TEXTS) * coarse.encode_texts(TEXTS)).sum(axis=1)
    images = (exact.encode_images(pixels) * coarse.encode_images(pixels)).sum(axis=1)

    assert texts.min() > 0.995
    assert images.min() > 0.995
    assert not np.array_equal(exact.encode_texts(TEXTS), coarse.encode_texts(TEXTS))


def test_an_int8_vector_does_not_depend_on_its_batch(coarse: Encoder) -> None:
    together = coarse.encode_texts(TEXTS)
    alone = np.concatenate([coarse.encode_texts([text]) for text in TEXTS])

    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_int8_is_another_numeric_mode_of_the_same_model(exact: Encoder, coarse: Encoder) -> None:
    assert coarse.fingerprint != exact.fingerprint
    assert coarse.model_fingerprint == exact.model_fingerprint == exact.fingerprint


def test_a_quantized_weight_is_within_half_a_step_of_the_weight() -> None:
    weight = np.random.default_rng(2).standard_normal((8, 192)).astype(np.float32)
    weight[0] = 0

    quantized, scales = quantize(weight)

    assert quantized.dtype == np.int8
    assert np.all(np.abs(quantized * scales - weight) <= scales / 2 + 1e-6)
