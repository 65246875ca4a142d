"""The speed of the optional int8 mode, and its agreement with fp32."""

import io
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.clients.texts import Texts, words_of
from benchmarks.encoder.speed import image_speed, summary
from benchmarks.encoder.transformers_eager import EagerClip
from benchmarks.harness.benchmark_context import DEMO_ALBUMS, DEMO_MODEL, STATE, Bench
from benchmarks.harness.interleaving import times
from benchmarks.harness.measured_figure import Figure
from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.loading import COVER_SIZE_PX, prepare_cover
from catalog.demo.photo_distortions import rephotograph
from worker.decode.image import decode_image
from worker.decode.processes.pool import DecoderPool
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Embeddings, Encoder, Pixels, Precision

NAMES = ("encoder.int8.image.speedup", "encoder.int8.text.speedup")
K = 10
PRECISIONS: tuple[Precision, Precision] = ("float32", "int8")


def measure(bench: Bench) -> Iterator[Figure]:
    """Compare int8's speed with transformers in eager mode, and int8's ten nearest albums with fp32's."""
    images, texts = _agreement(bench)
    folder = bench.model()
    eager = EagerClip(folder)
    encoder = load_encoder(str(folder), kind="openvino", precision="int8", cache_dir=bench.model_cache)
    with DecoderPool(size_px=encoder.input_size_px) as pool:
        one = image_speed(bench, eager, encoder, pool)
    note = f"{summary(one, 'a 640 x 640 JPEG')}; recall@10 agreement with fp32 {images}"
    yield Figure("encoder.int8.image.speedup", one.theirs_over_ours, note)
    ten = [Texts(words_of(folder), seed=1).of(10)]
    one = times(
        lambda: encoder.encode_texts(ten), lambda: eager.texts(ten), rounds=bench.pick(15, 3), repeat=3
    )
    note = f"{summary(one, 'a text of ten words')}; recall@10 agreement with fp32 {texts}"
    yield Figure("encoder.int8.text.speedup", one.theirs_over_ours, note)
    encoder.close()


def _agreement(bench: Bench) -> tuple[str, str]:
    """Format the share of fp32's ten nearest albums that int8 also finds, for photographs and captions."""
    albums = demo_albums(bench.pick(DEMO_ALBUMS, 60))
    exact, coarse = (
        load_encoder(str(DEMO_MODEL), kind="openvino", precision=precision, cache_dir=bench.model_cache)
        for precision in PRECISIONS
    )
    catalog = exact.encode_images(_covers(albums, size_px=exact.input_size_px))
    asked = albums[:: max(1, len(albums) // 200)]
    photographs = np.stack([_photograph(album, size_px=exact.input_size_px) for album in asked])
    captions = [album.caption for album in asked]
    images = agreement(catalog, exact.encode_images(photographs), coarse.encode_images(photographs))
    texts = agreement(catalog, exact.encode_texts(captions), coarse.encode_texts(captions))
    _close(exact, coarse)
    of = f"on {len(albums)} demo covers with the demo model"
    return (
        f"{images:.3f} over {len(asked)} photographs {of}",
        f"{texts:.3f} over {len(asked)} captions {of}",
    )


def agreement(catalog: Embeddings, exact: Embeddings, coarse: Embeddings) -> float:
    """Return the mean share of a query's ten nearest albums that exact and coarse vectors both find."""
    nearest = [np.argsort(-(queries @ catalog.T), axis=1)[:, :K] for queries in (exact, coarse)]
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(*nearest, strict=True)]))


def _covers(albums: Sequence[DemoAlbum], *, size_px: int) -> Pixels:
    """Return the demo covers as model input; the drawn covers are kept for later runs."""
    prepare = partial(prepare_cover, covers=_folder(), size_px=size_px)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as processes:
        return np.stack([cover.pixels for cover in processes.map(prepare, albums, chunksize=10)])


def _photograph(album: DemoAlbum, *, size_px: int) -> npt.NDArray[Any]:
    buffer = io.BytesIO()
    with Image.open(_folder() / f"{album.id}.jpg") as cover:
        rephotograph(cover, seed=int(album.look.seed)).save(buffer, "JPEG", quality=90)
    return np.asarray(decode_image(buffer.getvalue(), size_px=size_px, max_pixels=COVER_SIZE_PX**2))


def _folder() -> Any:
    folder = STATE / "covers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _close(*encoders: Encoder) -> None:
    for encoder in encoders:
        encoder.close()
