"""An encoder without a model, with a fixed latency, to test and benchmark the rest of the system.

The encoder derives vectors from a hash of the input, so that equal inputs get equal vectors and different
inputs get different vectors. Each batch takes a fixed time without using the CPU. The setting `ENCODER=fixed`
selects this encoder.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence

import numpy as np

from common.catalog.protocol import EMBEDDING_DIMENSION
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, no_embeddings


class FixedLatencyEncoder:
    """An encoder that sleeps instead of computing, and counts batches and items."""

    kind: EncoderKind = "fixed"
    model_name = "fixed-latency"
    device = "cpu"
    precision = "float32"
    input_size_px = 224
    passes_at_once = 1
    fingerprint = hashlib.sha256(b"fixed-latency encoder 1").hexdigest()
    model_fingerprint = fingerprint

    def __init__(self, *, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self.batches = 0
        self.items = 0

    def encode_images(self, pixels: Pixels) -> Embeddings:
        return self._encode(image.tobytes() for image in pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._encode(text.lower().encode() for text in texts)

    def truncates(self, text: str) -> bool:  # noqa: ARG002  it reads texts of any length
        return False

    def close(self) -> None:
        pass

    def _encode(self, contents: Iterable[bytes]) -> Embeddings:
        embeddings = [_unit_vector(content) for content in contents]
        self.batches += 1
        self.items += len(embeddings)
        time.sleep(self.latency_s)
        return np.stack(embeddings) if embeddings else no_embeddings()


def _unit_vector(content: bytes) -> Embeddings:
    seed = int.from_bytes(hashlib.sha256(content).digest()[:8])
    vector = np.random.default_rng(seed).standard_normal(EMBEDDING_DIMENSION).astype(np.float32)
    unit: Embeddings = vector / np.linalg.norm(vector)
    return unit
