"""Encodes covers and texts with a CLIP that transformers loads from a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import BatchEncoding, CLIPModel, CLIPProcessor

from training.model.losses import embed_pictures, embed_texts

_AT_ONCE = 64
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded CLIP with its preprocessing."""

    model: CLIPModel
    processor: CLIPProcessor

    @classmethod
    def load(cls, folder: Path | str, *, device: str = "cpu") -> Encoder:
        """Load the model in a folder with float32 weights, for inference."""
        model = CLIPModel.from_pretrained(folder, dtype=torch.float32)
        nn.Module.to(model, device).train(mode=False)
        return cls(model, CLIPProcessor.from_pretrained(folder))

    @torch.inference_mode()
    def pictures(self, images: Iterable[Image.Image]) -> Tensor:
        """Return the embeddings as float32 unit vectors of shape (n, projection)."""
        parts = []
        for group in _groups(images):
            pixels = self.processor.image_processor(images=list(group), return_tensors="pt")
            parts.append(embed_pictures(self.model, pixels["pixel_values"].to(self.model.device)).cpu())
        return torch.cat(parts)

    def similarity(self, texts: Iterable[str], images: Iterable[Image.Image]) -> Tensor:
        """Return the cosine similarities of texts (rows) and pictures (columns) in float32."""
        return self.texts(texts) @ self.pictures(images).T

    @torch.inference_mode()
    def texts(self, texts: Iterable[str]) -> Tensor:
        """Return the embeddings as float32 unit vectors of shape (n, projection)."""
        parts = []
        for group in _groups(texts):
            tokens = tokenised(self.processor, list(group)).to(self.model.device)
            ids, mask = tokens["input_ids"], tokens["attention_mask"]
            parts.append(embed_texts(self.model, input_ids=ids, attention_mask=mask).cpu())
        return torch.cat(parts)


def tokenised(processor: CLIPProcessor, texts: list[str]) -> BatchEncoding:
    """Return `input_ids` and `attention_mask` (n, longest), truncated to the model's maximum length."""
    tokens: BatchEncoding = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return tokens


def _groups(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while group := list(islice(remaining, _AT_ONCE)):
        yield group
