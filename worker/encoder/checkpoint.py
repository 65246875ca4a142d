"""A CLIP checkpoint read by transformers, and checked to be one that this product can serve."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A `CLIPModel` in evaluation mode, and its tokenizer as the `tokenizers` library's JSON.

    The model is untyped because transformers' own annotations describe neither its methods' results
    nor its config.
    """

    model: Any
    tokenizer_json: str
    max_tokens: int


def check_config(folder: Path) -> dict[str, Any]:
    """Refuse, before any weight is read, a model that is no CLIP with a 512-d projection.

    Raises:
        ModelUnavailable: it is not.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{folder / 'config.json'} cannot be read: {error}") from error
    if config.get("model_type") != "clip":
        found = config.get("model_type", "no model type")
        raise ModelUnavailable(f"the model in {folder} is {found}, not CLIP; set CLIP_MODEL to a CLIP model")
    # 512 is transformers' default, left out of the config of models that have it
    projection = config.get("projection_dim", EMBEDDING_DIMENSION)
    if projection != EMBEDDING_DIMENSION:
        raise ModelUnavailable(
            f"the model in {folder} projects to {projection} dimensions and the catalog stores "
            f"{EMBEDDING_DIMENSION}; CLIP ViT-B/32 and ViT-B/16 fit"
        )
    return config


def load_checkpoint(folder: Path) -> Checkpoint:
    """Load weights in float32, whatever they are stored as, and the tokenizer.

    Raises:
        ModelUnavailable: the weights are cut short, incomplete or of another architecture.
    """
    # the model stack takes seconds and hundreds of megabytes; the openvino encoder does without it
    import torch
    from transformers import CLIPModel, CLIPTokenizer

    check_config(folder)
    try:
        loaded: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        tokenizer = CLIPTokenizer.from_pretrained(folder)
    except Exception as error:  # safetensors, tokenizers and unpicklers share no other base
        raise ModelUnavailable(
            f"the model in {folder} cannot be loaded ({type(error).__name__}: {error}); "
            "if a download was cut short, delete the folder and fetch it again"
        ) from error
    model, report = loaded
    # transformers fills missing weights with random numbers and only logs it
    if report["missing_keys"] or report["mismatched_keys"]:
        lacking = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
        raise ModelUnavailable(
            f"the weights in {folder} lack {len(lacking)} of the model's tensors, among them {lacking[0]}"
        )
    positions = model.config.text_config.max_position_embeddings
    return Checkpoint(
        model=model.eval(),
        tokenizer_json=tokenizer.backend_tokenizer.to_str(),
        max_tokens=min(int(tokenizer.model_max_length), int(positions)),
    )
