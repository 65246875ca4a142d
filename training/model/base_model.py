"""Loads the base model for a fine-tuning (any CLIP that the service supports), and chooses the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers import CLIPModel, CLIPProcessor

from common.errors import SettingsError
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.model_files import ModelSource, find_model
from worker.encoder.preprocessing import Preprocessing, read_preprocessing
from worker.encoder.torch_encoder import load_clip_model


@dataclass(frozen=True, slots=True)
class BaseClip:
    """A CLIP with float32 weights on its device, and the CLIP's preprocessing."""

    source: ModelSource
    model: CLIPModel
    processor: CLIPProcessor
    preprocessing: Preprocessing


def load_base_model(name: str, *, device: str) -> BaseClip:
    """Load a CLIP by its folder or its name on the Hugging Face hub.

    Raises:
        ModelUnavailable: the model cannot be loaded, is not a CLIP, or its embeddings do not have 512
            dimensions.
    """
    source = find_model(name)
    preprocessing = read_preprocessing(source.folder)
    load_checkpoint(source.folder)  # transformers fills missing weights with random numbers
    model = load_clip_model(source.folder)
    nn.Module.to(model, device)
    return BaseClip(source, model, CLIPProcessor.from_pretrained(source.folder), preprocessing)


def choose_device(wanted: str) -> str:
    """Return the name of the torch device for the option `auto`, `cpu` or `cuda`.

    Raises:
        SettingsError: a CUDA device is requested, but torch finds no such device.
    """
    found = torch.cuda.is_available()
    if wanted == "auto":
        return "cuda" if found else "cpu"
    if wanted.partition(":")[0] == "cuda" and not found:
        raise SettingsError(f"--device {wanted}: torch sees no CUDA device on this machine")
    return wanted


def fast_in_bfloat16(device: str) -> bool:
    """Return whether the device is a GPU that multiplies bfloat16 in hardware."""
    return device != "cpu" and torch.cuda.is_bf16_supported(including_emulation=False)
