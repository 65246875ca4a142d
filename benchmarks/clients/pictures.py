"""Pictures with the detail of photographs, each generated from its seed."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

#: Standard deviation, of 255 levels.
_GRAIN = 5.0


def picture(width: int, height: int, *, seed: int) -> Image.Image:
    """Return noise of octaves, from whole-frame shading down to a sensor's grain."""
    draw = np.random.default_rng(seed)
    total = np.full((height, width, 3), 128, dtype=np.float32)
    cells = 2
    while cells < max(width, height):
        shape = (max(2, cells * height // max(width, height)), max(2, cells * width // max(width, height)))
        grid = draw.integers(0, 256, (*shape, 3), dtype=np.uint8)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        # Each octave has less power, as in photographs.
        total += (np.asarray(layer, dtype=np.float32) - 128) * (0.9 / cells**0.5)
        cells *= 2
    # 12 megapixels become a JPEG of 3 MB, like that of a phone.
    total += draw.normal(0, _GRAIN, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def jpeg(width: int, height: int, *, seed: int, quality: int = 90) -> bytes:
    """Return a picture as JPEG."""
    buffer = BytesIO()
    picture(width, height, seed=seed).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def kept_jpeg(folder: Path, width: int, height: int, *, seed: int) -> bytes:
    """Return a picture as JPEG, drawn once and kept in a folder."""
    file = folder / f"{width}x{height}-{seed}.jpg"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(jpeg(width, height, seed=seed))
        unfinished.replace(file)
    return file.read_bytes()


def distinct(data: bytes, number: int) -> bytes:
    """Return the same picture as another file: bytes after a JPEG's end are ignored."""
    return data + number.to_bytes(8)
