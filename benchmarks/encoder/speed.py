"""Compare our CPU encoder's speed and vectors with transformers in eager mode and fp32."""

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.clients.pictures import jpeg, kept_jpeg
from benchmarks.clients.texts import Texts, words_of
from benchmarks.encoder.transformers_eager import EagerClip, Vectors
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.interleaving import Comparison, times
from benchmarks.harness.measured_figure import Figure
from worker.decode.processes.pool import DecoderPool
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder

NAMES = (
    "encoder.image.b1.speedup",
    "encoder.text.b1.speedup",
    "encoder.text.b32.speedup",
    "encoder.parity.cosine_min",
)
DECODE_S = 30.0
_AT_ONCE = 8


def measure(bench: Bench) -> Iterator[Figure]:
    """Time our encoder and transformers from bytes and strings to vectors, and compare the vectors."""
    folder = bench.model()
    eager = EagerClip(folder)
    encoder = load_encoder(str(folder), kind="openvino", cache_dir=bench.model_cache)
    texts = Texts(words_of(folder), seed=1)
    precision = f"in {encoder.precision}"
    with DecoderPool(size_px=encoder.input_size_px) as pool:
        yield _image(bench, eager, encoder, pool)
        ten = [texts.of(10)]
        one = times(
            lambda: encoder.encode_texts(ten), lambda: eager.texts(ten), rounds=bench.pick(15, 3), repeat=3
        )
        yield Figure(
            "encoder.text.b1.speedup", one.theirs_over_ours, summary(one, f"a text of ten words, {precision}")
        )
        mixed = texts.mixed(32, shortest=3, longest=60)
        many = times(lambda: encoder.encode_texts(mixed), lambda: eager.texts(mixed), rounds=bench.pick(9, 2))
        note = summary(many, f"32 texts of 3 to 60 words, {precision}")
        yield Figure("encoder.text.b32.speedup", many.theirs_over_ours, note)
        exact = load_encoder(str(folder), kind="openvino", precision="float32", cache_dir=bench.model_cache)
        yield _parity(bench, eager, {encoder.precision: encoder, exact.precision: exact}, pool)
    exact.close()
    encoder.close()


def summary(comparison: Comparison, what: str) -> str:
    """Format the median times of our encoder and of transformers."""
    return (
        f"{what}: ours {comparison.ours_median:.1f} ms, transformers eager {comparison.theirs_median:.1f} ms"
    )


def image_speed(bench: Bench, eager: EagerClip, encoder: Encoder, pool: DecoderPool) -> Comparison:
    """Time the encoding of one 640 x 640 JPEG from its bytes to its vector."""
    file = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    return times(
        lambda: encoder.encode_images(pool.decode(file, timeout_s=DECODE_S)[None]),
        lambda: eager.images([file]),
        rounds=bench.pick(15, 3),
        repeat=2,
    )


def _image(bench: Bench, eager: EagerClip, encoder: Encoder, pool: DecoderPool) -> Figure:
    compared = image_speed(bench, eager, encoder, pool)
    note = summary(compared, f"a 640 x 640 JPEG, from bytes to vector, in {encoder.precision}")
    return Figure("encoder.image.b1.speedup", compared.theirs_over_ours, note)


def _parity(bench: Bench, eager: EagerClip, encoders: Mapping[str, Encoder], pool: DecoderPool) -> Figure:
    """Return the lowest cosine, over all precisions, between our vectors and transformers' vectors."""
    count = bench.pick(200, 8)
    texts = Texts(words_of(bench.model()), seed=2)
    lowest = dict.fromkeys(encoders, (1.0, 1.0))
    for start in range(0, count, _AT_ONCE):
        files = [jpeg(640, 640, seed=seed) for seed in range(start, start + _AT_ONCE)]
        pixels = np.stack([pool.decode(file, timeout_s=DECODE_S) for file in files])
        words = texts.mixed(_AT_ONCE, shortest=1, longest=90)
        images, written = eager.images(files), eager.texts(words)
        for precision, encoder in encoders.items():
            of_images, of_texts = lowest[precision]
            lowest[precision] = (
                min(of_images, _lowest_cosine(encoder.encode_images(pixels), images)),
                min(of_texts, _lowest_cosine(encoder.encode_texts(words), written)),
            )
    parities = [
        f"in {precision} {count} images {images:.7f}, {count} texts of 1 to 90 words {written:.7f}"
        for precision, (images, written) in lowest.items()
    ]
    return Figure(
        "encoder.parity.cosine_min", min(map(min, lowest.values())), f"{'; '.join(parities)}; random weights"
    )


def _lowest_cosine(ours: Vectors, theirs: Vectors) -> float:
    return float((ours * theirs).sum(axis=1).min())
