"""Embeds covers on this machine; processes decode the next covers while the model embeds a batch."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from catalog.ingest.embedding.protocol import CoverToEmbed, EmbeddedCover
from catalog.ingest.pipeline_stages import batches, in_order
from catalog.ingest.rejection import Rejected, RowFault
from common.catalog.protocol import ModelStamp
from common.colours.palette import Palette
from common.errors import DecoderBusy, DecoderDied, ImageError
from common.prints import Print
from common.settings import Settings
from worker.decode.palette_extraction import palette_of
from worker.decode.preprocessing_version import PREPROCESSING_VERSION
from worker.decode.processes.pool import DecoderPool
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder, Pixels

P = TypeVar("P")

#: The numbers of covers in a batch on a CPU and on a GPU. A GPU needs large batches to be fully used; a CPU
#: does not get faster with them.
_BATCH_CPU, _BATCH_GPU = 16, 128
#: The maximum time in seconds that a cover waits for a decoder that starts, which is slow on a busy machine.
DECODER_START_S = 120.0
#: The maximum number of batches of decoded covers that wait for the model.
_BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class _Decoded(Generic[P]):
    cover: CoverToEmbed[P]
    pixels: Pixels
    palette: Palette
    thumbnails: tuple[bytes, ...]
    cover_print: Print | None


class LocalEmbedder:
    """Decodes covers in child processes, computes palettes in threads, and embeds in the caller's thread."""

    def __init__(self, encoder: Encoder, decoders: DecoderPool, *, threads: int, timeout_s: float) -> None:
        self._encoder = encoder
        self._decoders = decoders
        self._threads = threads
        self._timeout_s = timeout_s
        self._batch = _BATCH_CPU if encoder.device == "cpu" else _BATCH_GPU
        self.stamp = ModelStamp(encoder.model_name, encoder.model_fingerprint, PREPROCESSING_VERSION)

    def embed(self, covers: Iterable[CoverToEmbed[P] | Rejected]) -> Iterator[EmbeddedCover[P] | Rejected]:
        with ThreadPoolExecutor(self._threads, "decode") as threads:
            decoded = in_order(threads, self._decode, covers, ahead=_BATCHES_AHEAD * self._batch)
            for batch in batches(decoded, self._batch):
                if isinstance(batch, Rejected):
                    yield batch
                    continue
                embeddings = self._encoder.encode_images(np.stack([one.pixels for one in batch]))
                for one, embedding in zip(batch, embeddings, strict=True):
                    yield EmbeddedCover(one.cover, embedding, one.palette, one.thumbnails, one.cover_print)

    def _decode(self, cover: CoverToEmbed[P]) -> _Decoded[P] | Rejected:
        # The number of threads equals the number of decoders, so a thread waits only for a decoder that
        # starts.
        waits_s = DECODER_START_S + 2 * self._timeout_s
        try:
            decoded = self._decoders.decode_cover(
                cover.content,
                timeout_s=waits_s,
                wants_thumbnails=cover.wants_thumbnails,
                wants_print=cover.wants_print,
            )
        except (ImageError, DecoderDied, DecoderBusy) as error:
            return cover.rejected(RowFault(error.code, error.detail))
        return _Decoded(
            cover, decoded.pixels, palette_of(decoded.pixels), decoded.thumbnails, decoded.cover_print
        )


@contextmanager
def open_local_embedder(
    settings: Settings, *, model: str | None = None, makes_prints: bool = False
) -> Iterator[LocalEmbedder]:
    """Load `model`, or CLIP_MODEL if it is None, start the decoder processes and yield the embedder.

    Covers get the prints that they want only if `makes_prints` is true.

    Raises:
        ModelUnavailable: the model cannot be found, fetched or loaded.
    """
    processes = os.cpu_count() or 1
    with ExitStack() as stack:
        encoder = stack.enter_context(
            closing(
                load_encoder(
                    model or settings.clip_model,
                    kind=settings.encoder,
                    device=settings.device,
                    precision=settings.catalog_precision,
                    threads=settings.encoder_threads or None,
                    cuda_graphs=settings.cuda_graphs == "on",
                    cache_dir=settings.model_cache_dir.expanduser(),
                    fixed_latency_s=settings.fixed_latency_ms / 1000,
                )
            )
        )
        decoders = stack.enter_context(
            DecoderPool(
                size_px=encoder.input_size_px,
                max_pixels=settings.max_image_pixels,
                processes=processes,
                timeout_s=settings.decode_timeout_s,
                makes_prints=makes_prints,
            )
        )
        yield LocalEmbedder(encoder, decoders, threads=processes, timeout_s=settings.decode_timeout_s)
