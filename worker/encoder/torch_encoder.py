"""The torch encoder, which runs transformers' CLIP in bfloat16 on a GPU and in float32 on a CPU."""

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
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, Precision, no_embeddings

#: The maximum number of images or texts in one forward pass, by device type.
_PER_PASS = {"cpu": 16, "cuda": 256}


class TorchEncoder:
    """CLIP on one torch device."""

    kind: EncoderKind = "torch"
    passes_at_once = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        device: str = "cpu",
        precision: Precision = "auto",
        threads: int | None = None,
    ) -> None:
        preprocessing = read_preprocessing(source.folder)
        checkpoint = load_checkpoint(source.folder)
        self._device = _torch_device(device)
        self._on_gpu = self._device.type == "cuda"
        if threads and not self._on_gpu:
            torch.set_num_threads(threads)
        self._dtype = torch.bfloat16 if self._on_gpu and precision == "auto" else torch.float32
        self.precision = str(self._dtype).removeprefix("torch.")
        model: Any = load_clip_model(source.folder)  # transformers does not annotate what its methods return
        self._model = model.to(self._device, dtype=self._dtype)
        self._tokenizer = _padding(checkpoint.tokenizer, max_tokens=checkpoint.max_tokens)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(preprocessing.mean, device=self._device).view(shape)
        self._std = torch.tensor(preprocessing.std, device=self._device).view(shape)
        self._per_pass = _PER_PASS[self._device.type]
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.fingerprint
        self.device = str(self._device)
        self.input_size_px = preprocessing.size_px

    def encode_images(self, pixels: Pixels) -> Embeddings:
        return self._in_passes(len(pixels), lambda start, end: self._image_features(pixels[start:end]))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._in_passes(len(texts), lambda start, end: self._text_features(texts[start:end]))

    def truncates(self, text: str) -> bool:
        return bool(self._tokenizer.encode(text).overflowing)

    def close(self) -> None:
        del self._model
        if self._on_gpu:
            torch.cuda.empty_cache()

    def _in_passes(self, items: int, features: Callable[[int, int], torch.Tensor]) -> Embeddings:
        """Start all passes before fetching the first result, so that a GPU need not wait for the CPU."""
        with torch.inference_mode():
            parts = [features(start, start + self._per_pass) for start in range(0, items, self._per_pass)]
            units = [torch.nn.functional.normalize(part.float(), dim=-1) for part in parts]
            return np.concatenate([unit.cpu().numpy() for unit in units]) if units else no_embeddings()

    def _image_features(self, pixels: Pixels) -> torch.Tensor:
        images = self._to_device(torch.from_numpy(np.ascontiguousarray(pixels)))
        scaled = (images.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._std
        features: torch.Tensor = self._model.get_image_features(
            pixel_values=scaled.to(self._dtype)
        ).pooler_output
        return features

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        encodings = self._tokenizer.encode_batch(list(texts))
        ids = self._to_device(torch.tensor([encoding.ids for encoding in encodings]))
        mask = self._to_device(torch.tensor([encoding.attention_mask for encoding in encodings]))
        features: torch.Tensor = self._model.get_text_features(
            input_ids=ids, attention_mask=mask
        ).pooler_output
        return features

    def _to_device(self, tensor: torch.Tensor) -> torch.Tensor:
        # Data in pinned memory can be copied to the GPU while the GPU computes the previous batch.
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._on_gpu else tensor


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


def _torch_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelUnavailable(f"DEVICE is {name}; it is auto, cpu, cuda or cuda:N") from error
    if device.type not in _PER_PASS:
        raise ModelUnavailable(f"DEVICE is {name}; it is auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelUnavailable(f"DEVICE is {name}, and torch sees {torch.cuda.device_count()} CUDA devices")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def _padding(tokenizer: Tokenizer, *, max_tokens: int) -> Tokenizer:
    """Make a tokenizer pad to the longest text of a batch; the attention mask excludes the padding."""
    tokenizer.enable_truncation(max_length=max_tokens)
    tokenizer.enable_padding(pad_id=0)
    return tokenizer
