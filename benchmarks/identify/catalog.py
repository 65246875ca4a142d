"""Makes the catalog of the benchmark: the demo's covers and real pictures, with their prints and embeddings.

The prints and embeddings of a catalog are made once and kept in `.state/identify`. Outsiders are covers of
another seed. A decoy has the layout and the motif of an album in the catalog, with another title, another
artist and other colours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.identify.difficulty import Pixels
from benchmarks.paths import ROOT
from catalog.demo import names
from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.cover_attributes import random_look
from catalog.demo.drawing.cover import draw_cover
from common.prints import PRINT_VERSION, Print
from worker.decode.image import decode_image
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder
from worker.prints.cover_print import make_print

STATE = ROOT / ".state" / "identify"
COVER_PX = 480
#: The seeds of outsiders: those that parameters are fitted on, and those that they are judged on.
OUTSIDERS_FITTED_SEED, OUTSIDERS_JUDGED_SEED = 31, 77
_MAX_PIXELS = 50_000_000
_BATCH = 50


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The albums of a catalog, in the same order: their covers' prints, and embeddings of shape (n, 512)."""

    prints: Sequence[Print]
    embeddings: npt.NDArray[np.float32]


def demo_encoder() -> Encoder:
    """Load the demo's model."""
    return load_encoder(str(ROOT / "models" / "demo"), kind="openvino", threads=1, cache_dir=STATE / "models")


def drawn(album: DemoAlbum) -> Pixels:
    """Return the pixels of an album's cover."""
    return np.asarray(draw_cover(album, size_px=COVER_PX))


def decoy_of(album: DemoAlbum, *, seed: int) -> DemoAlbum:
    """Return an album with the same layout and motif, another title and artist, and other colours."""
    rng = Random(f"decoy {seed} {album.id}")
    look = album.look
    while True:
        other = random_look(rng, genre=album.genre)
        if other.ground != look.ground and other.ink != look.ink:
            break
    return replace(
        album,
        id=f"decoy-{seed}-{album.id}",
        artist=names.artist(rng),
        album_name=names.album_name(rng),
        look=replace(look, tone=other.tone, ground=other.ground, ink=other.ink, accent=other.accent),
    )


def load_catalog(encoder: Encoder, *, count: int) -> Catalog:
    """Return the catalog of the demo's first `count` albums; make it if it is not kept yet."""
    kept = STATE / f"catalog-{count}-{PRINT_VERSION}-{encoder.fingerprint[:12]}.npz"
    if not kept.exists():
        _write(kept, _made(demo_albums(count), encoder))
    return _read(kept)


def _made(albums: Sequence[DemoAlbum], encoder: Encoder) -> Catalog:
    prints: list[Print] = []
    embeddings = []
    for covers in _batches(albums):
        prints += [make_print(cover) for cover in covers]
        squares = np.stack([square_of(cover, size_px=encoder.input_size_px) for cover in covers])
        embeddings.append(encoder.encode_images(squares))
        print(f"made {len(prints)} of {len(albums)} prints", flush=True)
    return Catalog(prints, np.concatenate(embeddings))


def _batches(albums: Sequence[DemoAlbum]) -> Iterator[list[Pixels]]:
    for start in range(0, len(albums), _BATCH):
        yield [drawn(album) for album in albums[start : start + _BATCH]]


def square_of(cover: Pixels, *, size_px: int) -> Pixels:
    """Return the square that an ingest gives to the model for this cover."""
    file = BytesIO()
    Image.fromarray(cover).save(file, "PNG", compress_level=1)
    return np.asarray(decode_image(file.getvalue(), size_px=size_px, max_pixels=_MAX_PIXELS))


def _write(path: Path, catalog: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [part for each in catalog.prints for part in (each.points, each.thumbnail, each.pdq)]
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        sides=np.array([each.side_px for each in catalog.prints]),
        lengths=np.array([len(each) for each in parts]),
        data=np.frombuffer(b"".join(parts), dtype=np.uint8),
        embeddings=catalog.embeddings,
    )
    part.replace(path)


def _read(path: Path) -> Catalog:
    with np.load(path) as kept:
        sides, lengths, data, embeddings = (kept[name] for name in ("sides", "lengths", "data", "embeddings"))
    ends = np.cumsum(lengths)
    parts = [data[end - length : end].tobytes() for length, end in zip(lengths, ends, strict=True)]
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    prints = [Print(PRINT_VERSION, int(side), *three) for side, three in zip(sides, triples, strict=True)]
    return Catalog(prints, embeddings)
