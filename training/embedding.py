"""Owns turning covers and queries into vectors with a model folder, just as Hugging Face loads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, CLIPProcessor

from training.losses import embed_pictures, embed_texts

_AT_ONCE = 64
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded CLIP with its preprocessing."""

    model: CLIPModel
    processor: CLIPProcessor

    @classmethod
    def load(cls, folder: Path | str) -> Encoder:
        """Load a model folder in float32, for inference."""
        model = CLIPModel.from_pretrained(folder, dtype=torch.float32)
        model.train(mode=False)
        return cls(model, CLIPProcessor.from_pretrained(folder))

    @torch.inference_mode()
    def pictures(self, images: Iterable[Image.Image]) -> Tensor:
        """Return unit vectors (n, projection), float32."""
        parts = []
        for group in _groups(images):
            pixels = self.processor.image_processor(images=list(group), return_tensors="pt")
            parts.append(embed_pictures(self.model, pixels["pixel_values"]))
        return torch.cat(parts)

    @torch.inference_mode()
    def texts(self, texts: Iterable[str]) -> Tensor:
        """Return unit vectors (n, projection), float32."""
        parts = []
        for group in _groups(texts):
            tokens = self.processor.tokenizer(list(group), padding=True, truncation=True, return_tensors="pt")
            parts.append(
                embed_texts(
                    self.model, input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
                )
            )
        return torch.cat(parts)


def _groups(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while group := list(islice(remaining, _AT_ONCE)):
        yield group
