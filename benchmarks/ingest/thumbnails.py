"""The cost of thumbnails in an ingest: CPU time beside the embedding, and bytes on disk."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np

from benchmarks.clients.pictures import kept_jpeg
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.measured_figure import Figure
from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import cover_jpeg
from catalog.thumbnail_folder import ThumbnailFolder
from common.images.cost.estimate import MAX_COST_S
from worker.decode.processes import wire_format
from worker.decode.processes.process import DecoderLimits, DecoderProcess
from worker.decode.processes.wire_format import Wanted
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder

NAMES = ("thumbnails.cpu_share", "thumbnails.kib")
#: The edge of most covers of music services, and larger edges that need a second decoding or none.
SIZES_PX = (640, 1000, 1400)
_BATCH = 16
_DECODE_S = 30.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Decode covers with and without thumbnails, embed covers, and write the thumbnails to a folder."""
    rounds, count = bench.pick(9, 2), bench.pick(20, 3)
    encoder = load_encoder(str(bench.model()), kind="openvino", cache_dir=bench.model_cache)
    limits = DecoderLimits(size_px=encoder.input_size_px, max_pixels=50_000_000, cpu_s=MAX_COST_S)
    decoder = DecoderProcess(limits)
    with closing(encoder):
        embedding_ms = _embedding_ms(encoder, rounds)
        photographs = {
            size_px: [kept_jpeg(STATE / "pictures", size_px, size_px, seed=seed) for seed in range(4)]
            for size_px in SIZES_PX
        }
        added_ms = {
            size_px: _added_ms(decoder, files, rounds=rounds) for size_px, files in photographs.items()
        }
    by_size = ", ".join(f"{size_px} px {ms:.1f} ms" for size_px, ms in added_ms.items())
    yield Figure(
        "thumbnails.cpu_share",
        added_ms[SIZES_PX[0]] / embedding_ms,
        f"JPEG of {by_size}; embedding {embedding_ms:.1f} ms",
    )
    drawn = [cover_jpeg(album, size_px=SIZES_PX[0]) for album in demo_albums(count)]
    folder = ThumbnailFolder(bench.new_folder("thumbnails"))
    covers = [_thumbnails(decoder, file) for file in drawn]
    grainy = [_thumbnails(decoder, file) for file in photographs[SIZES_PX[0]]]
    decoder.end()
    note = (
        f"demo covers; grainy photographs {_kib(grainy):.1f} KiB; "
        f"written to disk in {_store_ms(folder, covers):.1f} ms"
    )
    yield Figure("thumbnails.kib", _kib(covers), note)


def _embedding_ms(encoder: Encoder, rounds: int) -> float:
    """Return the CPU time of embedding one cover of a batch, over all threads."""
    side = encoder.input_size_px
    pixels = np.random.default_rng(1).integers(0, 256, (_BATCH, side, side, 3), dtype=np.uint8)
    encoder.encode_images(pixels)
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        encoder.encode_images(pixels)
        taken.append((time.process_time() - began) * 1000 / _BATCH)
    return statistics.median(taken)


def _added_ms(decoder: DecoderProcess, files: Sequence[bytes], *, rounds: int) -> float:
    """Return how much more CPU time a cover takes with thumbnails."""
    differences = []
    for _ in range(rounds + 1):
        for file in files:
            alone, both = (
                _spent_ms(decoder, file, w) for w in (Wanted.PIXELS, Wanted.PIXELS | Wanted.THUMBNAILS)
            )
            differences.append(both - alone)
    # The first round computes the filters of this size.
    return statistics.median(differences[len(files) :])


def _spent_ms(decoder: DecoderProcess, file: bytes, wanted: Wanted) -> float:
    reply = decoder.ask(wire_format.Request(wanted, file), deadline=time.monotonic() + _DECODE_S)
    return reply.cpu_s * 1000


def _thumbnails(decoder: DecoderProcess, file: bytes) -> tuple[bytes, ...]:
    request = wire_format.Request(Wanted.THUMBNAILS, file)
    reply = decoder.ask(request, deadline=time.monotonic() + _DECODE_S)
    return wire_format.unpack_files(request.wanted, reply.body).thumbnails


def _store_ms(folder: ThumbnailFolder, covers: Sequence[tuple[bytes, ...]]) -> float:
    began = time.perf_counter()
    for files in covers:
        folder.store(files)
    return (time.perf_counter() - began) * 1000 / len(covers)


def _kib(covers: Sequence[tuple[bytes, ...]]) -> float:
    return statistics.mean(sum(map(len, files)) for files in covers) / 1024
