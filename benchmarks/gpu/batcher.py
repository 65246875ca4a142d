"""Measure a worker's path from texts and image files to vectors: threads, decoders, batcher and GPU.

python -m benchmarks.gpu.batcher MODEL SECONDS      loads a model, prints `ready`, waits for a line on its
                                                    standard input, and prints the texts per second
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import torch

from benchmarks.clients.pictures import kept_jpeg
from benchmarks.clients.texts import Texts, words_of
from benchmarks.gpu.device import card, has_gpu, skipped
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from worker.batching import Batcher
from worker.decode.processes.pool import DecoderPool
from worker.encoder.cuda.encoder import CudaEncoder
from worker.encoder.model_files import find_model

NAMES = ("gpu.batcher.texts_s", "gpu.batcher.images_share")
#: The maximum batch size of the measured batcher, and the number of threads that use it.
BATCH_MAX = 256
CLIENTS = 512
DECODE_S = 30.0
WARM_UP_S = 0.5
#: The number of different texts and of different pictures.
TEXTS, PICTURES = 20_000, 64


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure the batcher with many threads that wait for their texts, and with decoders of images."""
    if not has_gpu():
        yield from skipped(NAMES)
        return
    encoder = _encoder(bench.model())
    texts = ten_words(bench.model())
    seconds = bench.pick(4, 1)
    with Batcher(encoder, max_size=BATCH_MAX) as batcher:
        rate = texts_per_s(batcher, texts, seconds=seconds)
        images = _images(bench, batcher, size_px=encoder.input_size_px)
    with on_two_cores(), Batcher(encoder, max_size=BATCH_MAX) as batcher:
        on_two = texts_per_s(batcher, texts, seconds=seconds)
    note = (
        f"{CLIENTS} threads, each with one text of ten words at a time, on {os.cpu_count()} cores; "
        f"on two cores {on_two:.0f}/s; {card()}"
    )
    yield Figure("gpu.batcher.texts_s", rate, note)
    yield images
    encoder.close()


@contextmanager
def on_two_cores() -> Iterator[None]:
    """Let new threads use only two cores, because threads on few cores pass on a lock faster."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _images(bench: Bench, batcher: Batcher, *, size_px: int) -> Figure:
    files = [kept_jpeg(STATE / "pictures", 640, 640, seed=seed) for seed in range(bench.pick(PICTURES, 4))]
    decoders = max(1, (os.cpu_count() or 1) - 2)
    clients, seconds = 4 * decoders, bench.pick(3, 1)
    with DecoderPool(size_px=size_px, processes=decoders) as pool:

        def decode(number: int) -> object:
            return pool.decode(files[number % len(files)], timeout_s=DECODE_S)

        def embed(number: int) -> object:
            pixels = pool.decode(files[number % len(files)], timeout_s=DECODE_S)
            return batcher.submit_image(pixels).result(DECODE_S)

        compared = interleaved(
            lambda: calls_per_s(embed, clients=clients, seconds=seconds),
            lambda: calls_per_s(decode, clients=clients, seconds=seconds),
            rounds=bench.pick(3, 1),
        )
    note = (
        f"{compared.ours_median:.0f} images/s from JPEG of 640 x 640 to vectors, decoding alone "
        f"{compared.theirs_median:.0f}/s with {decoders} decoders on {os.cpu_count()} cores; {card()}"
    )
    return Figure("gpu.batcher.images_share", compared.ours_over_theirs, note)


def texts_per_s(batcher: Batcher, texts: Sequence[str], *, seconds: float) -> float:
    """Return the texts per second that a batcher embeds for threads that each wait for their text."""
    return calls_per_s(
        lambda number: batcher.submit_text(texts[number % len(texts)]).result(DECODE_S),
        clients=CLIENTS,
        seconds=seconds,
    )


def calls_per_s(call: Callable[[int], object], *, clients: int, seconds: float) -> float:
    """Return the calls per second of threads that call a function with consecutive numbers."""
    numbers, finished = count(), [0] * clients
    counts_from = time.perf_counter() + WARM_UP_S
    ends = counts_from + seconds

    def client(index: int) -> None:
        while time.perf_counter() < ends:
            call(next(numbers))
            finished[index] += counts_from <= time.perf_counter() <= ends

    with ThreadPoolExecutor(clients) as threads:
        for ended in [threads.submit(client, index) for index in range(clients)]:
            ended.result()
    return sum(finished) / seconds


def ten_words(model: Path) -> list[str]:
    """Return different texts of ten words."""
    texts = Texts(words_of(model), seed=os.getpid())
    return [texts.of(10) for _ in range(TEXTS)]


def _encoder(model: Path) -> CudaEncoder:
    return CudaEncoder(find_model(str(model)), device=torch.device("cuda", 0))


def main(model: Path, seconds: float) -> None:
    """Measure one process of several; the line on the standard input starts all processes together."""
    texts = ten_words(model)
    with Batcher(_encoder(model), max_size=BATCH_MAX) as batcher:
        print("ready", flush=True)
        sys.stdin.readline()
        print(texts_per_s(batcher, texts, seconds=seconds), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
