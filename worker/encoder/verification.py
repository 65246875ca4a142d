"""A check of an exported encoder against the checkpoint it came from, before anything relies on it."""

import numpy as np
import torch

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import Checkpoint
from worker.encoder.openvino_encoder import OpenVinoEncoder
from worker.encoder.preprocessing import Preprocessing
from worker.encoder.protocol import Embeddings

#: Far below what any precision has reached, far above what a wrong graph does.
_LEAST_COSINE = 0.98
_TEXTS = ("red", "a photograph of a city at night, seen from far above", "words " * 100)
_IMAGES = 3


def verify(encoder: OpenVinoEncoder, checkpoint: Checkpoint, preprocessing: Preprocessing) -> None:
    """Compare both towers with the checkpoint's own on a few inputs.

    Raises:
        ModelUnavailable: they differ.
    """
    shape = (_IMAGES, preprocessing.size_px, preprocessing.size_px, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    scaled = (pixels / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    with torch.inference_mode():
        channels_first = torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32)
        images = checkpoint.model.get_image_features(pixel_values=channels_first).pooler_output
        sequences = [torch.tensor(ids)[None] for ids in encoder.tokenize(_TEXTS)]
        texts = torch.cat([checkpoint.model.get_text_features(ids).pooler_output for ids in sequences])
    of_images = _cosines(encoder.encode_images(pixels), images)
    least = float(np.concatenate([of_images, _cosines(encoder.encode_texts(_TEXTS), texts)]).min())
    if not least >= _LEAST_COSINE:  # a NaN fails too
        raise ModelUnavailable(
            f"the exported model disagrees with its checkpoint (cosine {least:.4f}); "
            "ENCODER=torch serves it without an export"
        )


def _cosines(ours: Embeddings, theirs: torch.Tensor) -> Embeddings:
    unit = torch.nn.functional.normalize(theirs, dim=-1).numpy()
    cosines: Embeddings = (ours * unit).sum(axis=1)
    return cosines
