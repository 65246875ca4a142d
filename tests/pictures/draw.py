"""Draw the source pictures of the HEIF files in this folder: `python -m tests.pictures.draw FOLDER`."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.unit.worker.decode.files import png
from tests.unit.worker.decode.pictures import quadrants

MUTED = ((180, 110, 90), (90, 150, 100), (100, 110, 170), (128, 128, 128))


def main() -> None:
    folder = Path(sys.argv[1])
    image = quadrants()
    image.save(folder / "quadrants.png")
    image.convert("L").save(folder / "grey.png")
    muted = np.array(MUTED, dtype=np.uint8).reshape(2, 2, 3).repeat(32, axis=0).repeat(32, axis=1)
    Image.fromarray(muted).save(folder / "muted.png")
    samples = np.asarray(image).astype(int)
    (folder / "sixteen-bits.png").write_bytes(png.png(samples * 257, kind=png.RGB, depth=16))
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "grey-sixteen-bits.png")
    alpha = np.tile(np.repeat([255, 128, 0, 64], 16), (64, 1))[..., None]
    straight = np.dstack([samples, alpha])
    premultiplied = np.dstack([(samples * alpha + 127) // 255, alpha])
    for name, pixels in (("alpha", straight), ("premultiplied", premultiplied)):
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
