"""Measure how often the filter by colour finds covers that have the colour, on covers of the demo generator.

The generator names the colours of each cover's background and objects. Palettes and the filter know nothing
of these names. The catalog's vectors are random, so that the ten results of a search are random covers among
those that the filter finds.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from catalog.database.migrations import apply_migrations
from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.catalog_rows import album_row
from catalog.demo.drawing.cover import cover_jpeg
from catalog.demo.drawing.palette import GROUNDS, INKS, RGB
from catalog.writer.album_row import upsert_albums
from common.catalog.postgres import PostgresCatalog
from common.colours.cells import cells_of
from common.colours.names import main_colour
from common.colours.palette import Palette
from common.filters import Filters
from worker.decode.image import decode_image
from worker.decode.palette_extraction import palette_of

NAMES = ("colours.precision_at_10", "colours.main_colour", "colours.palette_ms")
#: Seeds of the generator. The distances of palettes and cells were chosen with covers of another seed.
SEEDS = (90210, 31337, 161803)
#: The number of covers for each seed.
COVERS = 600
COVER_SIZE_PX = 480
#: The sides of the inputs of the demo model and of CLIP ViT-B/32.
SIDES = (80, 224)
K, QUERIES = 10, 20
#: The minimum share of a cover's pixels that are nearest to a colour if the cover has this colour.
SHARE = 0.2
#: The precision that searches by each colour should reach.
TARGET = 0.9

Pixels = npt.NDArray[np.uint8]


def measure(bench: Bench) -> Iterator[Figure]:
    """Draw covers, store their palettes, and search by each colour of the generator."""
    seeds = [_Covers(bench.pick(COVERS, 40), seed) for seed in SEEDS]
    yield _precision([covers.precision(bench) for covers in seeds])
    hits = [hit for covers in seeds for hit in covers.main_colour_hits()]
    yield Figure("colours.main_colour", float(np.mean(hits)), f"{len(hits)} covers")
    yield _palette_ms([sides[1] for covers in seeds for sides in covers.pixels])


@dataclass(frozen=True, slots=True)
class _Precision:
    """The precision for each colour, by the generator's names and by the pixels of the covers."""

    seed: int
    by_name: dict[str, float]
    by_pixels: dict[str, float]


class _Covers:
    """The covers of one seed with their palettes."""

    def __init__(self, count: int, seed: int) -> None:
        self.seed = seed
        self.albums = demo_albums(count, seed=seed)
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
            self.pixels = list(processes.map(_decoded, self.albums, chunksize=10))
        self.palettes = [palette_of(sides[0]) for sides in self.pixels]

    def main_colour_hits(self) -> list[bool]:
        """Return for each cover whether its main colour is one of its colours according to the generator."""
        named = map(main_colour, self.palettes)
        return [name in album.look.main_colours for name, album in zip(named, self.albums, strict=True)]

    def precision(self, bench: Bench) -> _Precision:
        """Search by each colour with random vectors, in a catalog of these covers."""
        draw = np.random.default_rng(self.seed)
        shares = [_named_shares(sides[0]) for sides in self.pixels]
        position = {album.id: index for index, album in enumerate(self.albums)}
        found = _Precision(self.seed, {}, {})
        with closing(PostgresCatalog(self._loaded(bench, draw), timeout_s=30, connections=1)) as catalog:
            for name, rgb in INKS.items():
                filters = Filters(color="#{:02x}{:02x}{:02x}".format(*rgb))
                indexes = [
                    position[match.album.id]
                    for query in _random_unit_vectors(draw, QUERIES)
                    for match in catalog.search(query, k=K, filters=filters)
                ]
                found.by_name[name] = _share(name in self.albums[i].look.main_colours for i in indexes)
                found.by_pixels[name] = _share(shares[i][name] >= SHARE for i in indexes)
        return found

    def _loaded(self, bench: Bench, draw: np.random.Generator) -> str:
        """Return the URL of a new catalog that contains the covers with random vectors."""
        name = f"colours_{self.seed}"
        with psycopg.connect(bench.postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = bench.postgres.url(name)
        apply_migrations(url)
        vectors = _random_unit_vectors(draw, len(self.albums))
        made = zip(self.albums, vectors, self.palettes, strict=True)
        with psycopg.connect(url) as connection:
            upsert_albums(connection, [album_row(album, v, palette=palette) for album, v, palette in made])
        return url


def _decoded(album: DemoAlbum) -> tuple[Pixels, ...]:
    """Return a cover's pixels at each side in `SIDES`."""
    content = cover_jpeg(album, size_px=COVER_SIZE_PX)
    return tuple(
        np.asarray(decode_image(content, size_px=side, max_pixels=COVER_SIZE_PX**2)) for side in SIDES
    )


def _random_unit_vectors(draw: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    vectors = draw.standard_normal((count, 512)).astype(np.float32)
    unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _precision(found: Sequence[_Precision]) -> Figure:
    by_name = {name: float(np.mean([each.by_name[name] for each in found])) for name in INKS}
    by_pixels = np.mean([share for each in found for share in each.by_pixels.values()])
    seeds = ", ".join(f"{np.mean(list(each.by_name.values())):.3f}" for each in found)
    lowest = ", ".join(f"{name} {share:.2f}" for name, share in by_name.items() if share < TARGET)
    note = f"{len(found)} seeds: {seeds}; below {TARGET}: {lowest or 'none'}; by pixels {by_pixels:.3f}"
    return Figure("colours.precision_at_10", float(np.mean(list(by_name.values()))), note)


def _share(hits: Iterator[bool]) -> float:
    seen = list(hits)
    return sum(seen) / len(seen) if seen else 0.0


def _named_shares(pixels: Pixels) -> dict[str, float]:
    """Return the share of pixels that are nearest to each named colour, by the generator's own distance."""
    shades = [(name, rgb) for colours in (*GROUNDS.values(), INKS) for name, rgb in colours.items()]
    distances = np.stack([_redmean(pixels.reshape(-1, 3), rgb) for _, rgb in shades])
    counts = np.bincount(distances.argmin(axis=0), minlength=len(shades)) / distances.shape[1]
    shares = dict.fromkeys(INKS, 0.0)
    for (name, _), share in zip(shades, counts, strict=True):
        shares[name] += float(share)
    return shares


def _redmean(pixels: Pixels, rgb: RGB) -> npt.NDArray[np.float64]:
    """Return the squared distances that `contrast` in catalog/demo/drawing/palette.py defines."""
    red, green, blue = (pixels.astype(np.float64) - rgb).T
    mean_red = (pixels[:, 0] + float(rgb[0])) / 2
    squares: npt.NDArray[np.float64] = (
        (2 + mean_red / 256) * red**2 + 4 * green**2 + (3 - mean_red / 256) * blue**2
    )
    return squares


def _palette_ms(covers: Sequence[Pixels]) -> Figure:
    cells: list[int] = []
    palette_of(covers[0])
    cells_of(Palette(((500, 0, 0, 1000),)))
    began = time.process_time()
    for pixels in covers:
        palette = palette_of(pixels)
        cells.append(len(cells_of(palette)))
        main_colour(palette)
    took_ms = (time.process_time() - began) * 1000 / len(covers)
    note = f"{SIDES[1]} pixels a side, {np.mean(cells):.0f} cells"
    return Figure("colours.palette_ms", took_ms, note)
