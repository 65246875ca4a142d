from pathlib import Path

import numpy as np
import pytest

from tests.optional_packages import NEEDS_TORCH
from worker.encoder.load_encoder import load_encoder

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device, or a torch that is built without CUDA"
)


def test_a_gpu_in_bfloat16_agrees_with_the_cpu(demo_model: Path, export_cache: Path) -> None:
    on_gpu = load_encoder(str(demo_model), kind="torch", device="cuda", cache_dir=export_cache)
    on_cpu = load_encoder(str(demo_model), kind="torch", device="cpu", cache_dir=export_cache)
    side = on_cpu.input_size_px
    pixels = np.random.default_rng(4).integers(0, 256, (600, side, side, 3), dtype=np.uint8)
    texts = [f"a red cover with {number} circles" for number in range(300)]

    images = (on_gpu.encode_images(pixels) * on_cpu.encode_images(pixels)).sum(axis=1)
    words = (on_gpu.encode_texts(texts) * on_cpu.encode_texts(texts)).sum(axis=1)

    assert images.min() > 0.999
    assert words.min() > 0.999


def test_a_gpu_is_used_by_default(demo_model: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(demo_model), cache_dir=export_cache)

    assert (encoder.kind, encoder.device) == ("torch", "cuda:0")
