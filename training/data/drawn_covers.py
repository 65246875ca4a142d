"""Draws the demo model's training covers once, at the model's input size, and keeps the pixels in a file."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from catalog.demo.albums import DemoAlbum
from catalog.demo.drawing.cover import draw_cover
from training.progress_bar import with_progress_bar

Pixels = npt.NDArray[np.uint8]

#: The ratio of a cover's drawn size to the model's input size; drawn covers are then downscaled, as real
#: covers are.
_DRAWN_OVER_SEEN = 2
_CHUNK = 500


def drawn_covers(
    albums: Sequence[DemoAlbum], *, name: str, size_px: int, folder: Path, processes: int = 2
) -> Pixels:
    """Return the albums' covers as an array of shape (albums, size_px, size_px, 3).

    The covers are drawn only if the folder does not yet contain their file; `name` must identify the albums.
    """
    path = folder / f"{name}-{len(albums)}-{size_px}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, _draw_all(albums, size_px=size_px, processes=processes))
        unfinished.rename(path)
    pixels: Pixels = np.load(path, mmap_mode="r")
    return pixels


def shrink(image: Image.Image, *, size_px: int) -> Image.Image:
    """Return a square cover resized to the model's input size, with the resampling of CLIP's preprocessor."""
    return image.resize((size_px, size_px), Image.Resampling.BICUBIC)


def _draw_all(albums: Sequence[DemoAlbum], *, size_px: int, processes: int) -> Pixels:
    chunks = [albums[start : start + _CHUNK] for start in range(0, len(albums), _CHUNK)]
    sizes = [size_px] * len(chunks)
    with ProcessPoolExecutor(max_workers=processes) as pool:
        drawn = list(with_progress_bar(pool.map(_draw_chunk, chunks, sizes), "drawing", total=len(chunks)))
    return np.concatenate(drawn)


def _draw_chunk(albums: Sequence[DemoAlbum], size_px: int) -> Pixels:
    drawn = (draw_cover(album, size_px=size_px * _DRAWN_OVER_SEEN) for album in albums)
    return np.stack([np.asarray(shrink(image, size_px=size_px)) for image in drawn])
