"""Large AVIF and HEIF files; the HEIF files are written by `heif-enc` (Debian package libheif-examples)."""

import struct
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.costly_images.family import Family, encoded, noise


def _picture(side: int, *, has_alpha: bool) -> Image.Image:
    picture = noise(side, side, grain_px=4, mode="RGBA" if has_alpha else "RGB")
    if has_alpha:
        picture.putalpha(noise(side, side, grain_px=8, mode="L"))
    return picture


def _avif(side: int, *, has_alpha: bool = False) -> bytes:
    picture = _picture(side, has_alpha=has_alpha)
    return encoded(picture, "AVIF", speed=10, quality=60, subsampling="4:4:4")


def _heif(side: int, *, has_alpha: bool = False) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        drawn, written = Path(folder, "picture.png"), Path(folder, "picture.heic")
        _picture(side, has_alpha=has_alpha).save(drawn, compress_level=1)
        options = ("-q", "40", "-p", "preset=ultrafast")
        subprocess.run(["heif-enc", *options, drawn, "-o", written], check=True, capture_output=True)
        return written.read_bytes()


def _smaller_than_coded(side: int) -> bytes:
    """Return a single-colour AVIF that declares only a sixteenth of its coded width and height."""
    whole = encoded(Image.new("RGB", (side, side), "red"), "AVIF", speed=10)
    true, declared = (b"ispe" + struct.pack("!III", 0, each, each) for each in (side, -(-side // 16)))
    return whole.replace(true, declared)


FAMILIES = (
    Family("coded larger than declared", "AVIF", _smaller_than_coded, 9000, is_light=False),
    Family("4:4:4 colours", "AVIF", _avif, 7200, is_light=False),
    Family("4:4:4 colours with alpha", "AVIF", lambda n: _avif(n, has_alpha=True), 7200, is_light=False),
    Family("4:2:0 colours", "HEIF", _heif, 7200, is_light=False),
    Family("4:2:0 colours with alpha", "HEIF", lambda n: _heif(n, has_alpha=True), 7200, is_light=False),
)
