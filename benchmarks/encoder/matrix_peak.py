"""Compare the forward pass of one image with the machine's peak rate of matrix products."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.interleaving import QUIET_S, in_quiet
from benchmarks.harness.measured_figure import Figure
from worker.encoder.load_encoder import load_encoder

NAMES = ("encoder.image.of_peak",)
SIZES = (512, 1024, 2048, 3072)


def measure(bench: Bench) -> Iterator[Figure]:
    """Compare the median forward pass with the best matrix product, measuring both alternately."""
    folder = bench.model()
    # The encoder uses float32, like the matrix products with which it is compared.
    encoder = load_encoder(str(folder), kind="openvino", precision="float32", cache_dir=bench.model_cache)
    side = encoder.input_size_px
    pixels = np.random.default_rng(1).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    encoder.encode_images(pixels)
    took_s: list[float] = []
    best, best_size = 0.0, 0
    for _ in range(bench.pick(6, 2)):
        for size in SIZES:
            for product in (_of_numpy, _of_torch):
                best, best_size = max((best, best_size), (in_quiet(partial(product, size)), size))
            time.sleep(QUIET_S)
            took_s += [_time_s(lambda: encoder.encode_images(pixels)) for _ in range(bench.pick(4, 1))]
    encoder.close()
    flops = image_flops(folder)
    achieved = flops / float(np.median(took_s)) / 1e9
    note = (
        f"in float32 {achieved:.0f} GFLOP/s over {flops / 1e9:.2f} GFLOP that the graph computes, "
        f"best sgemm {best / 1e9:.0f} GFLOP/s at {best_size} x {best_size}"
    )
    yield Figure("encoder.image.of_peak", achieved / (best / 1e9), note)


def image_flops(folder: Path) -> float:
    """Return the number of floating-point operations that our graph needs for one image.

    Each multiplication counts as two operations. After its attention, the model's last block computes only
    one token.
    """
    config = json.loads((folder / "config.json").read_text())
    vision = config["vision_config"]
    width, inner = vision["hidden_size"], vision["intermediate_size"]
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    tokens, layers = patches + 1, vision["num_hidden_layers"]
    attention = tokens * 3 * width * width + 2 * tokens * tokens * width
    per_token = width * width + 2 * width * inner
    multiplications = (
        patches * 3 * vision["patch_size"] ** 2 * width
        + layers * attention
        + ((layers - 1) * tokens + 1) * per_token
        + width * config["projection_dim"]
    )
    return 2.0 * float(multiplications)


def _of_numpy(size: int) -> float:
    a = np.random.default_rng(1).random((size, size), dtype=np.float32)
    return _best_rate(size, lambda: a @ a)


def _of_torch(size: int) -> float:
    a = torch.rand((size, size))
    return _best_rate(size, lambda: a @ a)


def _best_rate(size: int, multiply: Callable[[], object]) -> float:
    """Return the operations per second of the fastest of a few matrix products."""
    repeats = max(2, 2_000_000_000 // size**3)
    multiply()
    return 2.0 * size**3 / min(_time_s(multiply) for _ in range(min(repeats, 8)))


def _time_s(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
