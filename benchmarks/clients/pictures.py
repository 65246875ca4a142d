"""Generate pictures that are as detailed as photographs, each from a seed."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

#: The standard deviation of the added noise, on the scale of 0 to 255.
_GRAIN = 5.0


def picture(width: int, height: int, *, seed: int) -> Image.Image:
    """Return noise at every scale, from shading of the whole frame to the grain of a sensor."""
    draw = np.random.default_rng(seed)
    total = np.full((height, width, 3), 128, dtype=np.float32)
    cells = 2
    while cells < max(width, height):
        shape = (max(2, cells * height // max(width, height)), max(2, cells * width // max(width, height)))
        grid = draw.integers(0, 256, (*shape, 3), dtype=np.uint8)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        # Finer detail has less contrast, as in photographs.
        total += (np.asarray(layer, dtype=np.float32) - 128) * (0.9 / cells**0.5)
        cells *= 2
    # With this noise, a 12-megapixel JPEG is about 3 MB large, like a photograph from a phone.
    total += draw.normal(0, _GRAIN, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def jpeg(width: int, height: int, *, seed: int, quality: int = 90) -> bytes:
    """Return a picture as JPEG."""
    buffer = BytesIO()
    picture(width, height, seed=seed).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def kept_jpeg(folder: Path, width: int, height: int, *, seed: int) -> bytes:
    """Return a picture as JPEG; the file is drawn once and kept in `folder`."""
    file = folder / f"{width}x{height}-{seed}.jpg"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(jpeg(width, height, seed=seed))
        unfinished.replace(file)
    return file.read_bytes()


def distinct(data: bytes, number: int) -> bytes:
    """Return the JPEG with the number appended, which changes the file but not the decoded picture."""
    return data + number.to_bytes(8)
