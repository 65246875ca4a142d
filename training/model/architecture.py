"""Defines the architecture of the demo CLIP, and writes models in Hugging Face's format."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

IMAGE_SIZE_PX = 80
PROJECTION_DIM = 512
MEAN = STD = (0.5, 0.5, 0.5)

_VISION = {
    "hidden_size": 192,
    "intermediate_size": 768,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "image_size": IMAGE_SIZE_PX,
    "patch_size": 16,
}
_TEXT = {
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def new_model(tokenizer: CLIPTokenizer, *, seed: int) -> CLIPModel:
    """Return an untrained demo CLIP for the tokenizer's vocabulary."""
    torch.manual_seed(seed)
    text = {
        **_TEXT,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "projection_dim": PROJECTION_DIM,
    }
    vision = {**_VISION, "projection_dim": PROJECTION_DIM}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTION_DIM))


def processor(tokenizer: CLIPTokenizer, *, size_px: int = IMAGE_SIZE_PX) -> CLIPProcessor:
    """Return CLIP's preprocessing for an input size; the default is the demo CLIP's input size."""
    images = CLIPImageProcessorPil(
        size={"shortest_edge": size_px},
        crop_size={"height": size_px, "width": size_px},
        image_mean=list(MEAN),
        image_std=list(STD),
    )
    return CLIPProcessor(image_processor=images, tokenizer=tokenizer)  # type: ignore[no-untyped-call]


def save(model: CLIPModel, *, with_processor: CLIPProcessor, folder: Path, half: bool = True) -> None:
    """Write a model and its preprocessing to a folder for `from_pretrained`; `half` selects float16."""
    unfinished = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    weights = {
        name: (t.half() if half and t.is_floating_point() else t) for name, t in model.state_dict().items()
    }
    model.save_pretrained(unfinished, state_dict=weights)
    with_processor.save_pretrained(unfinished)
    # Older releases of transformers, and other programs, need the preprocessing in a separate file.
    with_processor.image_processor.save_pretrained(unfinished)
    folder.mkdir(parents=True, exist_ok=True)
    for written in sorted(unfinished.iterdir()):
        written.chmod(0o644)
        written.replace(folder / written.name)
    unfinished.rmdir()
