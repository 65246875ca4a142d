"""The OpenVINO encoder, which runs the exported graphs on a CPU without torch."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from common.errors import ModelUnavailable
from worker.encoder.model_files import ModelSource
from worker.encoder.openvino.compiled_tower import (
    ALONE,
    SIDE_BY_SIDE,
    Slots,
    Tower,
    release_file_pages,
    runtime,
)
from worker.encoder.openvino.int8 import ACTIVATIONS_PER_SCALE
from worker.encoder.protocol import Embeddings, EncoderKind, Pixels, Precision, no_embeddings
from worker.encoder.tokenizer import Indices, PackedLayout, TextTokenizer, pack_ids, padded_length

#: The maximum number of images in one forward pass; on a CPU, a larger batch is not faster per image and
#: needs more memory.
_IMAGES_PER_PASS = 8
#: The maximum number of tokens in one forward pass, summed over its texts.
_TOKENS_PER_PASS = 1024
#: Maps OpenVINO's names of precisions to the values of `Encoder.precision`.
_PRECISIONS = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """The content of the file `encoder.json` in a cache entry."""

    size_px: int
    max_tokens: int
    eos_id: int
    text_heads: int


class OpenVinoEncoder:
    """CLIP's two towers as compiled OpenVINO models.

    With the precision `auto`, the encoder computes in bfloat16 if the processor supports it. bfloat16 has the
    same range as float32, but needs half the memory and allows twice as many multiplications per cycle.
    """

    kind: EncoderKind = "openvino"
    device = "cpu"

    def __init__(
        self,
        source: ModelSource,
        entry: Path,
        *,
        precision: Precision = "auto",
        threads: int | None = None,
        side_by_side: bool = False,
    ) -> None:
        """Open a model's cache entry, and encode one text of every padded length as a warm-up.

        With `side_by_side`, two passes can run in parallel, provided that there are enough cores and that the
        weights are small enough for the second copy that this mode needs.

        Raises:
            ModelUnavailable: the cache entry is damaged.
        """
        settings = _settings(precision, threads)
        side_by_side = side_by_side and _is_small(precision) and (threads or _cores()) >= SIDE_BY_SIDE
        try:
            facts = ExportFacts(**json.loads((entry / "encoder.json").read_text(encoding="utf-8")))
            tokenizer = Tokenizer.from_file(str(entry / "tokenizer.json"))
            self._images, self._texts = (
                Tower(entry / f"{tower}.xml", settings, side_by_side=side_by_side)
                for tower in ("image", "text")
            )
        except Exception as error:  # OpenVINO's and tokenizers' errors share no other base
            raise ModelUnavailable(
                f"the exported model in {entry} is damaged; delete that folder ({error})"
            ) from error
        self.passes_at_once = SIDE_BY_SIDE if side_by_side else 1
        self._slots = Slots(self.passes_at_once)
        self.tokenize = TextTokenizer(tokenizer, max_tokens=facts.max_tokens, eos_id=facts.eos_id)
        self._text_heads = facts.text_heads
        #: Maps a slot and a number of tokens to the buffer for a pass's token ids.
        self._ids: dict[tuple[int, int], npt.NDArray[np.int32]] = {}
        self.precision = "int8" if precision == "int8" else _PRECISIONS[self._images.precision]
        self.model_name = source.name
        self.model_fingerprint = source.fingerprint
        self.fingerprint = source.fingerprint_in("int8") if precision == "int8" else source.fingerprint
        self.input_size_px = facts.size_px
        self._warm_up(facts)
        # OpenVINO has copied the weights during the warm-up, so their memory-mapped files are no longer
        # needed.
        release_file_pages(entry)

    def encode_images(self, pixels: Pixels) -> Embeddings:
        with self._slots.acquire() as slot:
            parts = [
                self._images.run([pixels[start : start + _IMAGES_PER_PASS]], slot=slot).copy()
                for start in range(0, len(pixels), _IMAGES_PER_PASS)
            ]
        return _of_unit_length(np.concatenate(parts)) if parts else no_embeddings()

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        if not texts:
            return no_embeddings()
        sequences = self.tokenize(texts)
        with self._slots.acquire() as slot:
            if sum(map(len, sequences)) <= _TOKENS_PER_PASS:
                # If all texts fit into one pass, `passes` is not called, which saves 0.1 ms if the CPU caches
                # are cold.
                return _of_unit_length(self._pass(sequences, slot=slot))
            embeddings = np.empty((len(texts), no_embeddings().shape[1]), dtype=np.float32)
            for indices in passes([len(sequence) for sequence in sequences]):
                embeddings[indices] = self._pass([sequences[index] for index in indices], slot=slot)
        return _of_unit_length(embeddings)

    def truncates(self, text: str) -> bool:
        return self.tokenize.truncates(text)

    def close(self) -> None:
        del self._images, self._texts

    def _pass(self, sequences: Sequence[Sequence[int]], *, slot: int) -> npt.NDArray[np.float32]:
        places = PackedLayout.of(tuple(map(len, sequences)), heads=self._text_heads)
        key = (slot, len(places.positions))
        if key not in self._ids:
            self._ids[key] = np.empty(len(places.positions), dtype=np.int32)
        ids = self._ids[key]
        pack_ids(sequences, out=ids)
        return self._texts.run([ids, *(getattr(places, field.name) for field in fields(places))], slot=slot)

    def _warm_up(self, facts: ExportFacts) -> None:
        lengths = sorted({padded_length(length) for length in range(1, facts.max_tokens + 1)})
        for slot in range(self._images.slots):
            self._images.run([np.zeros((1, facts.size_px, facts.size_px, 3), dtype=np.uint8)], slot=slot)
            # Parallel passes run full batches, whose lengths are too many to warm up all of them, so only one
            # length is warmed up.
            for length in lengths if slot == ALONE else lengths[:1]:
                self._pass([[0] * min(length, facts.max_tokens)], slot=slot)


def passes(lengths: Sequence[int]) -> Iterator[Indices]:
    """Split texts into passes of at most `_TOKENS_PER_PASS` tokens; yield the text indices of each pass."""
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


def _cores() -> int:
    """Return the number of cores that this process can run on; a container's CPU quota is ignored."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_small(precision: Precision) -> bool:
    """Return whether the weights are small enough for two copies (a float32 ViT-B/32 takes 550 MB)."""
    # OPTIMIZATION_CAPABILITIES lists the precisions that the processor supports in hardware.
    has_bfloat16 = "BF16" in runtime().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return precision == "int8" or (precision == "auto" and has_bfloat16)


def _settings(precision: Precision, threads: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # Threads are not pinned, because otherwise all workers of a machine would use the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    if precision == "float32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if precision == "int8":
        settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = ACTIVATIONS_PER_SCALE
    return settings


def _of_unit_length(projected: npt.NDArray[np.float32]) -> Embeddings:
    # `np.linalg.norm` is not used, because with cold CPU caches it takes 0.1 ms, and this code takes 0.04 ms.
    unit: Embeddings = projected / np.sqrt((projected * projected).sum(axis=1))[:, None]
    return unit
