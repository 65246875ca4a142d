"""Compare the GPU encoder with a plain transformers loop on the same GPU; measure the GPU's utilization."""

import time
from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.clients.pictures import jpeg
from benchmarks.encoder.transformers_eager import EagerClip
from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure
from benchmarks.harness.interleaving import interleaved
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder, Pixels

NAMES = ("gpu.image.b256.speedup", "gpu.busy_share")
BATCH = 256


def measure(bench: Bench) -> Iterator[Figure]:
    """Time batches of 256 images; on a machine without a GPU, report that the benchmark is skipped."""
    if not torch.cuda.is_available():
        reason = "skipped: no CUDA device, or a torch that is built without CUDA"
        yield from (Figure(name, None, reason) for name in NAMES)
        return
    folder = bench.model()
    encoder = load_encoder(str(folder), kind="torch", device="cuda", cache_dir=bench.model_cache)
    side = encoder.input_size_px
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    eager = EagerClip(folder, device="cuda")
    prepared = torch.cat([eager.pixels(jpeg(side, side, seed=seed)) for seed in range(BATCH)])
    compared = interleaved(
        lambda: _per_s(lambda: encoder.encode_images(pixels)),
        lambda: _per_s(lambda: eager.vectors_of(prepared)),
        rounds=bench.pick(5, 2),
    )
    note = (
        f"{compared.ours_median:.0f} images/s, transformers fp32 {compared.theirs_median:.0f}/s, both from "
        f"prepared pixels in batches of {BATCH} on {torch.cuda.get_device_name()}"
    )
    yield Figure("gpu.image.b256.speedup", compared.ours_over_theirs, note)
    busy = _busy_share(encoder, np.concatenate([pixels] * 8))
    yield Figure("gpu.busy_share", busy, f"kernels' time over wall time for 8 batches of {BATCH} in one call")
    encoder.close()


def _per_s(encode: "object") -> float:
    assert callable(encode)
    began = time.perf_counter()
    for _ in range(8):
        encode()
    torch.cuda.synchronize()
    return 8 * BATCH / (time.perf_counter() - began)


def _busy_share(encoder: Encoder, pixels: Pixels) -> float:
    """Return the share of an encoder call's time during which the GPU ran a kernel."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    encoder.encode_images(pixels)
    with torch.profiler.profile(activities=activities) as profile:
        began = time.perf_counter()
        encoder.encode_images(pixels)
        took_s = time.perf_counter() - began
    busy_us = sum(event.self_device_time_total for event in profile.key_averages())
    return float(busy_us / 1e6 / took_s)
