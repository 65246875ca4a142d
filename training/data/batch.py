"""The data of one training step: pictures, texts, and which text is true of which picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's pictures and texts.

    `match[t, i]` means that text t is true of picture i. The first `captions` texts are captions, one for
    each picture; the other texts name attributes. Each group in `groups` is a range (start, end) of texts;
    for any picture, at most one text in the range is true. Each row of `twins` (m, 2) contains the indexes of
    two pictures that show the same cover.
    """

    pixels: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    match: Tensor
    captions: int
    twins: Tensor
    groups: tuple[tuple[int, int], ...] = field(default=())

    def to(self, device: torch.device) -> Batch:
        """Return a copy of the batch on a device."""
        moved = (self.pixels, self.input_ids, self.attention_mask, self.match, self.twins)
        pixels, input_ids, attention_mask, match, twins = (tensor.to(device) for tensor in moved)
        return replace(
            self, pixels=pixels, input_ids=input_ids, attention_mask=attention_mask, match=match, twins=twins
        )
