"""The encoder for an NVIDIA GPU, which computes in bfloat16 unless float32 is requested."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import ModelUnavailable
from worker.encoder.checkpoint import Checkpoint, load_checkpoint
from worker.encoder.cuda.batches import (
    IMAGE_SIZES,
    TEXT_SIZES,
    by_token_count,
    pass_slices,
    text_rows,
    token_counts,
)
from worker.encoder.cuda.forward_passes import EagerPasses, GraphCosts, InputShape, Passes, capture_passes
from worker.encoder.cuda.towers import Array, ImageTower, TextTower
from worker.encoder.model_files import ModelSource
from worker.encoder.preprocessing import Preprocessing, read_preprocessing
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, Precision, no_embeddings
from worker.encoder.tokenizer import TextTokenizer


class CudaEncoder:
    """CLIP on one GPU, with a CUDA graph for every batch size unless `graphs` is false; thread-safe."""

    kind: EncoderKind = "torch"
    passes_at_once = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        device: torch.device,
        precision: Precision = "auto",
        graphs: bool = True,
    ) -> None:
        """Load the model and, with `graphs`, capture the graphs.

        Without `graphs` the device may also be a CPU, on which tests compare the vectors.

        Raises:
            ModelUnavailable: the model cannot be loaded, the GPU's memory does not suffice, or CUDA cannot
                capture the graphs.
        """
        preprocessing = read_preprocessing(source.folder)
        checkpoint = load_checkpoint(source.folder)
        dtype = torch.bfloat16 if precision == "auto" else torch.float32
        self.tokenize = TextTokenizer(
            checkpoint.tokenizer, max_tokens=checkpoint.max_tokens, eos_id=checkpoint.config.text.eos_token_id
        )
        self.precision = str(dtype).removeprefix("torch.")
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.fingerprint
        self.device = str(device)
        self.input_size_px = preprocessing.size_px
        #: None if the encoder has no graphs.
        self.graph_costs: GraphCosts | None = None
        #: The buffers of a graph serve one pass at a time.
        self._lock = threading.Lock()
        try:
            with torch.inference_mode(), torch.cuda.device(device) if graphs else nullcontext():
                self._load(checkpoint, preprocessing, device=device, dtype=dtype, graphs=graphs)
        except RuntimeError as error:  # the base of torch's errors, such as OutOfMemoryError
            hint = "; CUDA_GRAPHS=off needs no capture and less memory, but is slower" if graphs else ""
            raise ModelUnavailable(f"the model cannot be set up on {device}: {error}{hint}") from error

    def encode_images(self, pixels: Pixels) -> Embeddings:
        if not len(pixels):
            return no_embeddings()
        # Without a copy, torch warns about an array that is not writable, such as a decoder's reply.
        rows = np.require(pixels, requirements=["C", "W"])
        with self._lock:
            batches = (rows[items] for items in pass_slices(len(rows), IMAGE_SIZES))
            return np.concatenate(list(self._images.embed(batches)))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self.encode_tokens(self.tokenize(texts))

    def encode_tokens(self, sequences: Sequence[Sequence[int]]) -> Embeddings:
        """Embed the token ids of texts, each of which ends with its end token."""
        embeddings = np.empty((len(sequences), EMBEDDING_DIMENSION), dtype=np.float32)
        lengths = [len(sequence) for sequence in sequences]
        with self._lock:
            for tokens, indices in by_token_count(lengths, self._token_counts):
                batches = (
                    text_rows([sequences[index] for index in indices[items]], tokens)
                    for items in pass_slices(len(indices), TEXT_SIZES)
                )
                embeddings[indices] = np.concatenate(list(self._texts[tokens].embed(batches)))
        return embeddings

    def truncates(self, text: str) -> bool:
        return self.tokenize.truncates(text)

    def close(self) -> None:
        with self._lock:
            del self._images, self._texts
        torch.cuda.empty_cache()

    def _load(
        self,
        checkpoint: Checkpoint,
        preprocessing: Preprocessing,
        *,
        device: torch.device,
        dtype: torch.dtype,
        graphs: bool,
    ) -> None:
        place = partial(_placed, device=device, dtype=dtype)
        config, weights = checkpoint.config, checkpoint.weights
        image_tower = ImageTower(weights, config.vision, preprocessing, place=place)
        text_tower = TextTower(weights, config.text, place=place)
        self._token_counts = token_counts(checkpoint.max_tokens)
        self._images: Passes
        self._texts: dict[int, Passes]
        if not graphs:
            self._images = EagerPasses(image_tower, device=device)
            self._texts = dict.fromkeys(self._token_counts, EagerPasses(text_tower, device=device))
            return
        image = np.zeros((self.input_size_px, self.input_size_px, 3), dtype=np.uint8)
        self._images, of_texts, self.graph_costs = capture_passes(
            InputShape(image_tower, image, IMAGE_SIZES),
            [
                InputShape(text_tower, np.zeros(1 + tokens, dtype=np.int32), TEXT_SIZES)
                for tokens in self._token_counts
            ],
            device=device,
        )
        self._texts = dict(zip(self._token_counts, of_texts, strict=True))


def _placed(array: Array, *, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32).to(device, dtype)
