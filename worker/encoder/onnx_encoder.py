"""The encoder of CPUs: ONNX Runtime over the exported graphs, without torch in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from common.errors import ModelUnavailable
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, no_embeddings
from worker.encoder.source import ModelSource
from worker.encoder.tokens import Indices, PackedTexts, TextTokenizer

#: Past eight images a larger batch is no faster on a CPU, it only holds more memory.
_IMAGES_PER_PASS = 8
#: Texts of one pass have similar lengths and together at most this many tokens.
_TOKENS_PER_PASS = 1024


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What `encoder.json` of a cache entry says."""

    size_px: int
    max_tokens: int
    eos_id: int


class OnnxEncoder:
    """CLIP's two towers as ONNX Runtime sessions."""

    kind: EncoderKind = "onnx"
    device = "cpu"

    def __init__(
        self, source: ModelSource, entry: Path, *, int8: bool = False, threads: int | None = None
    ) -> None:
        """Open the cache entry of a model.

        Raises:
            ModelUnavailable: the entry is damaged.
        """
        try:
            facts = OnnxFacts(**json.loads((entry / "encoder.json").read_text(encoding="utf-8")))
            tokenizer = Tokenizer.from_file(str(entry / "tokenizer.json"))
            self._images = _session(entry / "image.onnx", threads)
            self._texts = _session(entry / "text.onnx", threads)
        except Exception as error:  # ONNX Runtime's and tokenizers' errors share no other base
            raise ModelUnavailable(
                f"the exported model in {entry} is damaged; delete that folder ({error})"
            ) from error
        self.tokenize = TextTokenizer(tokenizer, max_tokens=facts.max_tokens, eos_id=facts.eos_id)
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.numeric("int8") if int8 else source.fingerprint
        self.input_size_px = facts.size_px

    def encode_images(self, pixels: Pixels) -> Embeddings:
        parts = [
            self._images.run(None, {"pixels": pixels[start : start + _IMAGES_PER_PASS]})[0]
            for start in range(0, len(pixels), _IMAGES_PER_PASS)
        ]
        return np.concatenate(parts) if parts else no_embeddings()

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        sequences = self.tokenize(texts) if texts else []
        embeddings = np.empty((len(texts), no_embeddings().shape[1]), dtype=np.float32)
        for indices in passes([len(sequence) for sequence in sequences]):
            packed = PackedTexts.of([sequences[index] for index in indices])
            feed = {field.name: getattr(packed, field.name) for field in fields(packed)}
            embeddings[indices] = self._texts.run(None, feed)[0]
        return embeddings

    def close(self) -> None:
        del self._images, self._texts


def passes(lengths: Sequence[int]) -> Iterator[Indices]:
    """Group texts, shortest first, into forward passes of a bounded number of tokens."""
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    group: list[int] = []
    tokens = 0
    for index in order:
        if group and tokens + lengths[index] > _TOKENS_PER_PASS:
            yield np.array(group)
            group, tokens = [], 0
        group.append(int(index))
        tokens += lengths[index]
    if group:
        yield np.array(group)


def _session(path: Path, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    # Threads that spin after each operator gain an idle machine 5 % and take far more from the
    # decoders, the other tower and the other workers on a busy one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
