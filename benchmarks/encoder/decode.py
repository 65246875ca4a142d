"""Compare our decoding of a photograph and a cover with Pillow and `CLIPImageProcessor`."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.clients.pictures import kept_jpeg
from benchmarks.encoder.transformers_eager import EagerClip
from benchmarks.harness.benchmark_context import DEMO_MODEL, STATE, Bench
from benchmarks.harness.interleaving import Comparison, times
from benchmarks.harness.measured_figure import Figure
from worker.decode.processes.pool import DecoderPool
from worker.encoder.load_encoder import load_encoder

NAMES = ("decode.12mp.speedup", "decode.cover.speedup")
LEAST_COSINE = 0.995
DECODE_S = 30.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Time our decoder process and the plain implementation, from the file to the model input."""
    photograph = kept_jpeg(STATE / "pictures", 4000, 3000, seed=12)
    cover = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    # A new process is used, because in a process that has unloaded a model the plain implementation would
    # reuse the model's memory and decode a photograph in 170 ms instead of 270 ms.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        large, small = (
            fresh.submit(_compared, bench.model(), file, rounds=bench.pick(11, 2), repeat=repeat).result()
            for file, repeat in ((photograph, 1), (cover, 10))
        )
    cosines = [_cosine(bench, folder, photograph) for folder in (bench.model(), DEMO_MODEL)]
    note = (
        f"{_summary(photograph, large)}; "
        f"embedding cosine {cosines[0]:.5f} random weights, {cosines[1]:.5f} demo model"
    )
    holds = min(cosines) >= LEAST_COSINE
    yield Figure("decode.12mp.speedup", large.theirs_over_ours, note, holds=holds)
    yield Figure("decode.cover.speedup", small.theirs_over_ours, f"640 x 640, {_summary(cover, small)}")


def _compared(folder: Path, file: bytes, *, rounds: int, repeat: int) -> Comparison:
    eager = EagerClip(folder)
    with DecoderPool(size_px=224) as pool:
        return times(
            lambda: pool.decode(file, timeout_s=DECODE_S),
            lambda: eager.pixels(file),
            rounds=rounds,
            repeat=repeat,
        )


def _summary(file: bytes, compared: Comparison) -> str:
    return (
        f"a JPEG of {len(file) / 1e6:.1f} MB: ours {compared.ours_median:.1f} ms, "
        f"Pillow and CLIPImageProcessor {compared.theirs_median:.1f} ms"
    )


def _cosine(bench: Bench, folder: Path, photograph: bytes) -> float:
    """Return the cosine between our embedding of the photograph and transformers' embedding."""
    encoder = load_encoder(str(folder), kind="openvino", cache_dir=bench.model_cache)
    with DecoderPool(size_px=encoder.input_size_px) as pool:
        ours = encoder.encode_images(pool.decode(photograph, timeout_s=DECODE_S)[None])
    encoder.close()
    eager = EagerClip(folder)
    return float((ours * eager.vectors_of(eager.pixels(photograph))).sum())
