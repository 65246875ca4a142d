"""The protocol every encoder meets, and the few things all of them share.

uint8 pixels (n, size, size, 3) ──► encode_images ──┐
                                                    ├──► float32 (n, 512), L2-normalised
strings ──────────────────────────► encode_texts  ──┘
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import EMBEDDING_DIMENSION

Pixels: TypeAlias = npt.NDArray[np.uint8]
Embeddings: TypeAlias = npt.NDArray[np.float32]
EncoderKind: TypeAlias = Literal["openvino", "torch", "fixed"]
#: `auto` is bfloat16 where the device multiplies in it, else float32.
Precision: TypeAlias = Literal["auto", "float32", "int8"]


class Encoder(Protocol):
    """A loaded model. At most `passes_at_once` threads call it at a time; who loads it closes it."""

    #: SHA-256 over the files that decide vectors, and the numeric mode where it changes them.
    fingerprint: str
    #: SHA-256 over the files alone: what a catalog's vectors are stamped with. An int8 encoder may
    #: query a catalog that was embedded in fp32, so this one does not tell the two apart.
    model_fingerprint: str
    model_name: str
    device: str
    kind: EncoderKind
    #: What it computes in: float32, bfloat16, int8.
    precision: str
    input_size_px: int
    #: How many callers there may be at a time.
    passes_at_once: int

    def encode_images(self, pixels: Pixels) -> Embeddings:
        """Embed RGB images of shape (n, input_size_px, input_size_px, 3), resized and cropped."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts; what is longer than the model takes is cut, as `CLIPProcessor` cuts it."""
        ...

    def truncates(self, text: str) -> bool:
        """Tell whether a text has more tokens than the model reads."""
        ...

    def close(self) -> None:
        """Let go of the model's memory."""
        ...


def no_embeddings() -> Embeddings:
    """Return the answer to an empty batch, shape (0, 512)."""
    return np.empty((0, EMBEDDING_DIMENSION), dtype=np.float32)
