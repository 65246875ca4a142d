"""The protocol that all encoders implement, and its types.

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
#: The requested precision; `auto` means bfloat16 if the device supports it in hardware, otherwise float32.
Precision: TypeAlias = Literal["auto", "float32", "int8"]


class Encoder(Protocol):
    """A loaded model; at most `passes_at_once` threads may call it at the same time."""

    #: A SHA-256 hash of the model's files; it includes the numeric mode if this mode changes the vectors.
    fingerprint: str
    #: A SHA-256 hash of the model's files, which the catalog stores. The hash does not include the numeric
    #: mode, because an int8 encoder can query a catalog that was embedded in float32.
    model_fingerprint: str
    model_name: str
    device: str
    kind: EncoderKind
    #: The precision of the computation: float32, bfloat16 or int8.
    precision: str
    input_size_px: int
    #: The maximum number of concurrent callers.
    passes_at_once: int

    def encode_images(self, pixels: Pixels) -> Embeddings:
        """Embed resized and cropped RGB images of shape (n, input_size_px, input_size_px, 3)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts; a text that is too long for the model is truncated as in `CLIPProcessor`."""
        ...

    def truncates(self, text: str) -> bool:
        """Return whether a text has more tokens than the model reads."""
        ...

    def close(self) -> None:
        """Free the model's memory."""
        ...


def no_embeddings() -> Embeddings:
    """Return the result for an empty batch, an array of shape (0, 512)."""
    return np.empty((0, EMBEDDING_DIMENSION), dtype=np.float32)
