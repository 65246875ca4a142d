"""The encoder of CPUs: OpenVINO over the exported graphs, without torch in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from tokenizers import Tokenizer

from common.errors import ModelUnavailable
from worker.encoder.int8 import ACTIVATIONS_PER_SCALE
from worker.encoder.mapped_files import let_go_of_pages
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, Precision, no_embeddings
from worker.encoder.source import ModelSource
from worker.encoder.tokens import Indices, Places, TextTokenizer, end_to_end, rounded_up

#: Past eight images a larger batch is no faster on a CPU, it only holds more memory.
_IMAGES_PER_PASS = 8
#: Texts of one pass have similar lengths and together at most this many tokens.
_TOKENS_PER_PASS = 1024


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What `encoder.json` of a cache entry says."""

    size_px: int
    max_tokens: int
    eos_id: int
    text_heads: int


class OpenVinoEncoder:
    """CLIP's two towers as compiled OpenVINO models.

    Where the processor multiplies bfloat16, `auto` computes in it: half the bytes, twice the products a
    cycle, and the float32's range. `precision` then is float32 or bfloat16, or int8.
    """

    kind: EncoderKind = "openvino"
    device = "cpu"

    def __init__(
        self, source: ModelSource, entry: Path, *, precision: Precision = "auto", threads: int | None = None
    ) -> None:
        """Open the cache entry of a model and run every length of text once, so that no client waits for it.

        Raises:
            ModelUnavailable: the entry is damaged.
        """
        settings = _settings(precision, threads)
        try:
            facts = ExportFacts(**json.loads((entry / "encoder.json").read_text(encoding="utf-8")))
            tokenizer = Tokenizer.from_file(str(entry / "tokenizer.json"))
            core = openvino.Core()
            images, texts = (
                core.compile_model(entry / f"{tower}.xml", "CPU", settings) for tower in ("image", "text")
            )
        except Exception as error:  # OpenVINO's and tokenizers' errors share no other base
            raise ModelUnavailable(
                f"the exported model in {entry} is damaged; delete that folder ({error})"
            ) from error
        self._images, self._texts = images.create_infer_request(), texts.create_infer_request()
        self.tokenize = TextTokenizer(tokenizer, max_tokens=facts.max_tokens, eos_id=facts.eos_id)
        self._text_heads = facts.text_heads
        self.precision = _computed_in(precision, images)
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.numeric("int8") if precision == "int8" else source.fingerprint
        self.input_size_px = facts.size_px
        self._warm_up(facts)
        # The weights were copied in the order in which the kernels read them.
        let_go_of_pages(entry)

    def encode_images(self, pixels: Pixels) -> Embeddings:
        parts = [
            _run(self._images, [pixels[start : start + _IMAGES_PER_PASS]]).copy()
            for start in range(0, len(pixels), _IMAGES_PER_PASS)
        ]
        return _of_unit_length(np.concatenate(parts)) if parts else no_embeddings()

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        sequences = self.tokenize(texts) if texts else []
        embeddings = np.empty((len(texts), no_embeddings().shape[1]), dtype=np.float32)
        for indices in passes([len(sequence) for sequence in sequences]):
            embeddings[indices] = self._pass([sequences[index] for index in indices])
        return _of_unit_length(embeddings)

    def close(self) -> None:
        del self._images, self._texts

    def _pass(self, sequences: Sequence[Indices]) -> npt.NDArray[np.float32]:
        places = Places.of(tuple(map(len, sequences)), heads=self._text_heads)
        feed = [end_to_end(sequences), *(getattr(places, field.name) for field in fields(places))]
        return _run(self._texts, feed)

    def _warm_up(self, facts: ExportFacts) -> None:
        self.encode_images(np.zeros((1, facts.size_px, facts.size_px, 3), dtype=np.uint8))
        for length in sorted({rounded_up(length) for length in range(1, facts.max_tokens + 1)}):
            self._pass([np.zeros(min(length, facts.max_tokens), dtype=np.int64)])


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


def _run(request: openvino.InferRequest, feed: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """Run a model once; what is returned is overwritten by its next run.

    `request.infer(feed)` does the same and spends 0.2 ms of a text's 3.6 on finding out what it was given.
    """
    # A tensor shares an array's memory without keeping it alive, and must be able to write to it.
    arrays = [np.require(values, requirements=["C", "W"]) for values in feed]
    for index, array in enumerate(arrays):
        request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
    request.infer()
    projected: npt.NDArray[np.float32] = request.get_output_tensor().data
    return projected


def _settings(precision: Precision, threads: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # Pinned, the threads of a machine's workers would all stand on the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    if precision == "float32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if precision == "int8":
        settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = ACTIVATIONS_PER_SCALE
    return settings


def _computed_in(precision: Precision, model: openvino.CompiledModel) -> str:
    """Return what the products are computed in: OpenVINO takes bfloat16 where the processor has it."""
    if precision == "int8":
        return "int8"
    chosen = model.get_property("INFERENCE_PRECISION_HINT")
    return {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}[chosen.get_type_name()]


def _of_unit_length(projected: npt.NDArray[np.float32]) -> Embeddings:
    unit: Embeddings = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    return unit
