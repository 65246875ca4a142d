"""Our encoder of CPUs against transformers eager, fp32: one image, one text, 32 texts, and the vectors."""

from collections.abc import Iterator

import numpy as np

from benchmarks.speed.bench import STATE, Bench
from benchmarks.speed.eager import EagerClip, Vectors
from benchmarks.speed.interleaving import Comparison, times
from benchmarks.speed.pictures import jpeg, kept_jpeg
from benchmarks.speed.rows import Figure
from benchmarks.speed.texts import Texts, words_of
from worker.decode.pool import DecoderPool
from worker.encoder.loading import load_encoder
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
    """Compare both from bytes and strings to vectors; ours decodes in a process apart, as a worker does."""
    folder = bench.model()
    eager = EagerClip(folder)
    encoder = load_encoder(str(folder), kind="openvino", cache_dir=bench.model_cache)
    texts = Texts(words_of(folder), seed=1)
    with DecoderPool(size_px=encoder.input_size_px) as pool:
        yield _image(bench, eager, encoder, pool)
        ten = [texts.of(10)]
        one = times(
            lambda: encoder.encode_texts(ten), lambda: eager.texts(ten), rounds=bench.pick(15, 3), repeat=3
        )
        yield Figure("encoder.text.b1.speedup", one.theirs_over_ours, told(one, "a text of ten words"))
        mixed = texts.mixed(32, shortest=3, longest=60)
        many = times(lambda: encoder.encode_texts(mixed), lambda: eager.texts(mixed), rounds=bench.pick(9, 2))
        yield Figure(
            "encoder.text.b32.speedup", many.theirs_over_ours, told(many, "32 texts of 3 to 60 words")
        )
        yield _parity(bench, eager, encoder, pool)
    encoder.close()


def told(comparison: Comparison, what: str) -> str:
    """Say what both sides took."""
    return (
        f"{what}: ours {comparison.ours_median:.1f} ms, transformers eager {comparison.theirs_median:.1f} ms"
    )


def image_speed(bench: Bench, eager: EagerClip, encoder: Encoder, pool: DecoderPool) -> Comparison:
    """Time one 640 x 640 JPEG from its bytes to its vector."""
    file = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    return times(
        lambda: encoder.encode_images(pool.decode(file, timeout_s=DECODE_S)[None]),
        lambda: eager.images([file]),
        rounds=bench.pick(15, 3),
        repeat=2,
    )


def _image(bench: Bench, eager: EagerClip, encoder: Encoder, pool: DecoderPool) -> Figure:
    compared = image_speed(bench, eager, encoder, pool)
    note = told(compared, "a 640 x 640 JPEG, from bytes to vector")
    return Figure("encoder.image.b1.speedup", compared.theirs_over_ours, note)


def _parity(bench: Bench, eager: EagerClip, encoder: Encoder, pool: DecoderPool) -> Figure:
    count = bench.pick(200, 8)
    texts = Texts(words_of(bench.model()), seed=2)
    of_images, of_texts = [], []
    for start in range(0, count, _AT_ONCE):
        files = [jpeg(640, 640, seed=seed) for seed in range(start, start + _AT_ONCE)]
        pixels = np.stack([pool.decode(file, timeout_s=DECODE_S) for file in files])
        of_images.append(_cosines(encoder.encode_images(pixels), eager.images(files)))
        words = texts.mixed(_AT_ONCE, shortest=1, longest=90)
        of_texts.append(_cosines(encoder.encode_texts(words), eager.texts(words)))
    images, written = np.concatenate(of_images).min(), np.concatenate(of_texts).min()
    note = f"{count} images {images:.6f}, {count} texts of 1 to 90 words {written:.6f}; random weights"
    return Figure("encoder.parity.cosine_min", float(min(images, written)), note)


def _cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    cosines: Vectors = (ours * theirs).sum(axis=1)
    return cosines
