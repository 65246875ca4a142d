"""Fixtures of small CLIP models with random weights in Hugging Face format, made once per test run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL

MakeModel = Callable[..., Path]

_MERGES = ["r e", "re d</w>", "b l", "u e</w>", "bl ue</w>", "o v", "e r</w>", "ov er</w>", "c over</w>"]
_SIDE_PX = 32


def write_tiny_clip(
    folder: Path, *, projection_dim: int = 512, activation: str = "quick_gelu", eos_id: int | None = None
) -> Path:
    """Write a CLIP model of two layers that reads 32 x 32 pixels and 16 tokens."""
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    from benchmarks.synthetic_clip import vocabulary

    tokens = vocabulary(_MERGES)
    start, end = tokens["<|startoftext|>"], tokens["<|endoftext|>"]
    shape = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "hidden_act": activation,
    }
    config = CLIPConfig(
        text_config={
            **shape,
            "vocab_size": len(tokens),
            "max_position_embeddings": 16,
            "bos_token_id": start,
            "eos_token_id": end if eos_id is None else eos_id,
            "pad_token_id": end,
        },
        vision_config={**shape, "image_size": _SIDE_PX, "patch_size": 8},
        projection_dim=projection_dim,
    )
    torch.manual_seed(7)
    CLIPModel(config).save_pretrained(folder)
    merges: Any = [tuple(merge.split()) for merge in _MERGES]
    CLIPTokenizer(vocab=tokens, merges=merges, model_max_length=16).save_pretrained(folder)
    square = {"height": _SIDE_PX, "width": _SIDE_PX}
    CLIPImageProcessorPil(size={"shortest_edge": _SIDE_PX}, crop_size=square).save_pretrained(folder)
    return folder


def edit_config(folder: Path, **changes: object) -> Path:
    """Change entries of a model's `config.json`; return the model's folder."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small CLIP model, which tests must not change."""
    return write_tiny_clip(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def export_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export cache that all tests share, so that each model is exported once."""
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The folder of the committed demo model."""
    return DEMO_MODEL
