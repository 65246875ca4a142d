"""Verifies an exported model against its checkpoint, at the end of the export."""

import numpy as np

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import Checkpoint
from worker.encoder.openvino.encoder import OpenVinoEncoder
from worker.encoder.openvino.numpy_reference import ReferenceEncoder
from worker.encoder.preprocessing import Preprocessing

#: The minimum cosine similarity to the reference; correct graphs reach a far higher value in every precision,
#: and wrong graphs a far lower value.
_LEAST_COSINE = 0.98
_TEXTS = ("red", "a photograph of a city at night, seen from far above", "words " * 100)
_IMAGES = 3


def verify(encoder: OpenVinoEncoder, checkpoint: Checkpoint, preprocessing: Preprocessing) -> None:
    """Compare both towers with the NumPy reference on a few inputs.

    Raises:
        ModelUnavailable: the exported model differs from the reference.
    """
    shape = (_IMAGES, preprocessing.size_px, preprocessing.size_px, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    reference = ReferenceEncoder(checkpoint, preprocessing)
    of_images = encoder.encode_images(pixels) * reference.encode_images(pixels)
    of_texts = encoder.encode_texts(_TEXTS) * reference.encode_tokens(encoder.tokenize(_TEXTS))
    least = float(np.concatenate([of_images, of_texts]).sum(axis=1).min())
    if not least >= _LEAST_COSINE:  # a NaN fails too
        raise ModelUnavailable(
            f"the exported model disagrees with its checkpoint (cosine {least:.4f}); "
            "ENCODER=torch serves it without an export"
        )
