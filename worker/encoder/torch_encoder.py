"""The reference encoder, which runs transformers' CLIP on a CPU in float32."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import CLIPModel

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.model_files import ModelSource
from worker.encoder.preprocessing import read_preprocessing
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, no_embeddings

#: The maximum number of images or texts in one forward pass.
_PER_PASS = 16


class TorchEncoder:
    """CLIP as transformers computes it."""

    kind: EncoderKind = "torch"
    passes_at_once = 1
    device = "cpu"
    precision = "float32"

    def __init__(self, source: ModelSource, *, threads: int | None = None) -> None:
        preprocessing = read_preprocessing(source.folder)
        checkpoint = load_checkpoint(source.folder)
        if threads:
            torch.set_num_threads(threads)
        # `Any`, because transformers does not annotate what the model's methods return
        self._model: Any = load_clip_model(source.folder)
        self._tokenizer = _padding(checkpoint.tokenizer, max_tokens=checkpoint.max_tokens)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(preprocessing.mean).view(shape)
        self._std = torch.tensor(preprocessing.std).view(shape)
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.fingerprint
        self.input_size_px = preprocessing.size_px

    def encode_images(self, pixels: Pixels) -> Embeddings:
        return _in_passes(len(pixels), lambda items: self._image_features(pixels[items]))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return _in_passes(len(texts), lambda items: self._text_features(texts[items]))

    def truncates(self, text: str) -> bool:
        return bool(self._tokenizer.encode(text).overflowing)

    def close(self) -> None:
        del self._model

    def _image_features(self, pixels: Pixels) -> torch.Tensor:
        images = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
        scaled = (images.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._std
        features: torch.Tensor = self._model.get_image_features(pixel_values=scaled).pooler_output
        return features

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        encodings = self._tokenizer.encode_batch(list(texts))
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        features: torch.Tensor = self._model.get_text_features(
            input_ids=ids, attention_mask=mask
        ).pooler_output
        return features


def _in_passes(items: int, features: Callable[[slice], torch.Tensor]) -> Embeddings:
    with torch.inference_mode():
        parts = [
            torch.nn.functional.normalize(features(slice(start, start + _PER_PASS)), dim=-1).numpy()
            for start in range(0, items, _PER_PASS)
        ]
    return np.concatenate(parts) if parts else no_embeddings()


def load_clip_model(folder: Path) -> CLIPModel:
    """Return transformers' model of a checkpoint, in evaluation mode and with float32 weights.

    Weights in float16 are converted to float32, because x86 CPUs compute in float16 slowly or not at all.

    Raises:
        ModelUnavailable: the weights cannot be loaded.
    """
    load: Any = CLIPModel.from_pretrained
    try:
        model: Any = load(folder, dtype=torch.float32)
    except Exception as error:  # the errors of transformers and its libraries have no other common base
        raise ModelUnavailable(
            f"the model in {folder} cannot be loaded ({type(error).__name__}: {error})"
        ) from error
    loaded: CLIPModel = model.eval()
    return loaded


def _padding(tokenizer: Tokenizer, *, max_tokens: int) -> Tokenizer:
    """Make a tokenizer pad to the longest text of a batch; the attention mask excludes the padding."""
    tokenizer.enable_truncation(max_length=max_tokens)
    tokenizer.enable_padding(pad_id=0)
    return tokenizer
