from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.conftest import write_tiny_clip
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.openvino.numpy_reference import ReferenceEncoder
from worker.encoder.preprocessing import read_preprocessing

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

TEXTS = ["red", "a blue cover with a red cover on it", "so many words that they are cut " * 5]


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_the_numpy_reference_equals_transformers(activation: str, tmp_path: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model", activation=activation)
    pixels = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    model: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32)
    processor: Any = CLIPImageProcessorPil.from_pretrained(folder)
    sequences = CLIPTokenizer.from_pretrained(folder)(TEXTS, truncation=True)["input_ids"]
    with torch.inference_mode():
        images = model.get_image_features(**processor(images=list(pixels), return_tensors="pt")).pooler_output
        texts = torch.cat([model.get_text_features(torch.tensor([ids])).pooler_output for ids in sequences])

    reference = ReferenceEncoder(load_checkpoint(folder), read_preprocessing(folder))

    normalize = torch.nn.functional.normalize
    np.testing.assert_allclose(reference.encode_images(pixels), normalize(images, dim=-1).numpy(), atol=2e-6)
    np.testing.assert_allclose(
        reference.encode_tokens(sequences), normalize(texts, dim=-1).numpy(), atol=2e-6
    )
