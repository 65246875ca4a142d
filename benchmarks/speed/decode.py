"""A photograph of a phone to the model's input: our decoder against Pillow with `CLIPImageProcessor`."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.bench import DEMO_MODEL, STATE, Bench
from benchmarks.speed.eager import EagerClip
from benchmarks.speed.interleaving import times
from benchmarks.speed.pictures import kept_jpeg
from benchmarks.speed.rows import Figure
from worker.decode.pool import DecoderPool
from worker.encoder.loading import load_encoder

NAMES = ("decode.12mp.speedup",)
LEAST_COSINE = 0.995
DECODE_S = 30.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Time the whole way of both; ours goes through a decoder process, as in a worker."""
    photograph = kept_jpeg(STATE / "pictures", 4000, 3000, seed=12)
    eager = EagerClip(bench.model())
    with DecoderPool(size_px=224) as pool:
        compared = times(
            lambda: pool.decode(photograph, timeout_s=DECODE_S),
            lambda: eager.pixels(photograph),
            rounds=bench.pick(11, 2),
        )
    cosines = [_cosine(bench, folder, photograph) for folder in (bench.model(), DEMO_MODEL)]
    note = (
        f"a {len(photograph) / 1e6:.1f} MB JPEG: ours {compared.ours_median:.0f} ms, "
        f"Pillow and CLIPImageProcessor {compared.theirs_median:.0f} ms; "
        f"embedding cosine {cosines[0]:.5f} random weights, {cosines[1]:.5f} demo model"
    )
    holds = min(cosines) >= LEAST_COSINE
    yield Figure("decode.12mp.speedup", compared.theirs_over_ours, note, holds=holds)


def _cosine(bench: Bench, folder: Path, photograph: bytes) -> float:
    """Return how far the vectors of both ways agree."""
    encoder = load_encoder(str(folder), kind="openvino", cache_dir=bench.model_cache)
    with DecoderPool(size_px=encoder.input_size_px) as pool:
        ours = encoder.encode_images(pool.decode(photograph, timeout_s=DECODE_S)[None])
    encoder.close()
    eager = EagerClip(folder)
    return float((ours * eager.vectors_of(eager.pixels(photograph))).sum())
