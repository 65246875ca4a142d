"""Measure the encoder on a GPU, from pixels or strings in the host's memory to vectors there."""

import io
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch.autograd.profiler_util import FunctionEvent

from benchmarks.clients.pictures import jpeg
from benchmarks.clients.texts import Texts, words_of
from benchmarks.encoder.transformers_eager import EagerClip, Vectors
from benchmarks.gpu.device import card, has_gpu, median_ms, skipped
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from worker.encoder.cuda.encoder import CudaEncoder
from worker.encoder.model_files import find_model
from worker.encoder.protocol import Pixels

NAMES = (
    "gpu.image.b1.ms",
    "gpu.text.b1.ms",
    "gpu.image.b256.images_s",
    "gpu.text.b256.texts_s",
    "gpu.image.b256.speedup",
    "gpu.busy_share",
    "gpu.parity.cosine_min",
    "gpu.graphs.mb",
)
BATCH = 256
#: The batch sizes whose vectors are compared with float32; most of them are padded.
COMPARED = (1, 3, 17, 100, 200, 256)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure the encoder with CUDA graphs; on a machine without a GPU, report that this is skipped."""
    if not has_gpu():
        yield from skipped(NAMES)
        return
    source = find_model(str(bench.model()))
    device = torch.device("cuda", torch.cuda.current_device())
    encoder = CudaEncoder(source, device=device)
    plain = CudaEncoder(source, device=device, graphs=False)
    eager = EagerClip(source.folder, device=str(device))
    files = [jpeg(encoder.input_size_px, encoder.input_size_px, seed=seed) for seed in range(BATCH)]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
    texts = Texts(words_of(source.folder), seed=1)
    yield from _latency(bench, encoder, plain, pixels=pixels[:1], text=texts.of(10))
    yield from _throughput(bench, encoder, plain, pixels=pixels, texts=[texts.of(10) for _ in range(BATCH)])
    yield _speedup(bench, encoder, eager, files=files, pixels=pixels)
    yield _busy_share(encoder, np.concatenate([pixels] * 8))
    yield _parity(
        encoder, eager, files=files, pixels=pixels, texts=texts.mixed(BATCH, shortest=1, longest=90)
    )
    costs = encoder.graph_costs
    assert costs is not None
    note = (
        f"{costs.graphs} graphs, captured in {costs.capture_s:.1f} s, and their buffers; "
        f"{costs.pinned_mb:.0f} MB of pinned host memory; {card()}"
    )
    yield Figure("gpu.graphs.mb", costs.gpu_mb, note)
    encoder.close()
    plain.close()


def _latency(
    bench: Bench, encoder: CudaEncoder, plain: CudaEncoder, *, pixels: Pixels, text: str
) -> Iterator[Figure]:
    rounds = bench.pick(200, 5)
    ours, eager = (median_ms(partial(each.encode_images, pixels), rounds=rounds) for each in (encoder, plain))
    note = f"median of {rounds} from pixels to vector; without graphs {eager:.2f} ms; {card()}"
    yield Figure("gpu.image.b1.ms", ours, note)
    ours, eager = (median_ms(partial(each.encode_texts, [text]), rounds=rounds) for each in (encoder, plain))
    note = f"median of {rounds} for ten words, from string to vector; without graphs {eager:.2f} ms; {card()}"
    yield Figure("gpu.text.b1.ms", ours, note)


def _throughput(
    bench: Bench, encoder: CudaEncoder, plain: CudaEncoder, *, pixels: Pixels, texts: Sequence[str]
) -> Iterator[Figure]:
    rounds = bench.pick(30, 2)
    ours, eager = (
        BATCH * 1000 / median_ms(partial(each.encode_images, pixels), rounds=rounds)
        for each in (encoder, plain)
    )
    note = f"one call with {BATCH} images, from pixels to vectors; without graphs {eager:.0f}/s; {card()}"
    yield Figure("gpu.image.b256.images_s", ours, note)
    tokens = encoder.tokenize(texts)
    ours, eager, tokenized = (
        BATCH * 1000 / median_ms(call, rounds=rounds)
        for call in (
            lambda: encoder.encode_tokens(tokens),
            lambda: plain.encode_tokens(tokens),
            lambda: encoder.encode_texts(texts),
        )
    )
    note = (
        f"one call with {BATCH} texts of ten words, from tokens to vectors; from strings {tokenized:.0f}/s; "
        f"without graphs {eager:.0f}/s; {card()}"
    )
    yield Figure("gpu.text.b256.texts_s", ours, note)


def _speedup(
    bench: Bench, encoder: CudaEncoder, eager: EagerClip, *, files: Sequence[bytes], pixels: Pixels
) -> Figure:
    prepared = torch.cat([eager.pixels(file) for file in files])
    rounds = bench.pick(10, 2)
    compared = interleaved(
        lambda: BATCH * 1000 / median_ms(lambda: encoder.encode_images(pixels), rounds=rounds),
        lambda: BATCH * 1000 / median_ms(lambda: eager.vectors_of(prepared), rounds=rounds),
        rounds=bench.pick(3, 1),
    )
    note = (
        f"{compared.ours_median:.0f} images/s, transformers fp32 {compared.theirs_median:.0f}/s, both from "
        f"prepared pixels in batches of {BATCH}; {card()}"
    )
    return Figure("gpu.image.b256.speedup", compared.ours_over_theirs, note)


def _busy_share(encoder: CudaEncoder, pixels: Pixels) -> Figure:
    """Return the share of one call's time during which the GPU runs a kernel; copies do not count.

    The kernels' time comes from a profiled call and the call's time from calls without the profiler, which
    makes a call longer.
    """
    took_ms = median_ms(partial(encoder.encode_images, pixels), rounds=5)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        encoder.encode_images(pixels)
    events = profile.events()
    assert events is not None
    busy_ms = covered_us([_interval(event) for event in events if _is_kernel(event)]) / 1000
    note = (
        f"{busy_ms:.1f} ms with a running kernel of {took_ms:.1f} ms, one call with {len(pixels)} images; "
        f"{card()}"
    )
    return Figure("gpu.busy_share", busy_ms / took_ms, note)


def _is_kernel(event: FunctionEvent) -> bool:
    return event.device_type.name == "CUDA" and not event.name.startswith(("Memcpy", "Memset"))


def _interval(event: FunctionEvent) -> tuple[float, float]:
    return event.time_range.start, event.time_range.end


def covered_us(intervals: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of intervals; kernels of two streams may overlap."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _parity(
    encoder: CudaEncoder, eager: EagerClip, *, files: Sequence[bytes], pixels: Pixels, texts: Sequence[str]
) -> Figure:
    """Return the lowest cosine between our vectors and those of transformers in float32."""
    exact = eager.vectors_of(torch.cat([eager.pixels(file) for file in files])), eager.texts(texts)
    images = min(_lowest(encoder.encode_images(pixels[:n]), exact[0]) for n in COMPARED)
    words = min(_lowest(encoder.encode_texts(texts[:n]), exact[1]) for n in COMPARED)
    sizes = ", ".join(map(str, COMPARED))
    note = (
        f"in {encoder.precision}: images {images:.6f}, texts of 1 to 90 words {words:.6f}, "
        f"in batches of {sizes}; transformers in float32; random weights; {card()}"
    )
    return Figure("gpu.parity.cosine_min", min(images, words), note)


def _lowest(ours: Vectors, exact: Vectors) -> float:
    return float((ours * exact[: len(ours)]).sum(axis=1).min())
