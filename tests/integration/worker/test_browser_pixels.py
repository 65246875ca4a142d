"""A decoded picture has the same pixels as in Chromium, for each kind of file that a browser supports.

The pictures have the size of the decoded square, and Chromium shows them on a white background. Three cases
in which Chromium 156 deviates from a format's specification are not tested. Chromium does not rotate a WebP.
Chromium reads the alpha of an AVIF in a smaller range than the format defines. For a PNG with primaries and a
gamma of 0.45455, Chromium applies an exponent of 2.2 instead of the sRGB curve.
"""

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from PIL import ExifTags, Image

from tests.integration.api.browser import Browser, browser
from tests.unit.worker.decode.files import bmp, gif, icc, png, webp
from tests.unit.worker.decode.pictures import decode, encoded, noise, quadrants

__all__ = ["browser"]

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 16
Samples = npt.NDArray[Any]

PAGE = """<!doctype html><title>pixels</title>{images}<pre id="seen"></pre><script>
window.onload = () => {{
  const seen = Array.from(document.images, (image) => {{
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return btoa(Array.from(pixels, (value) => String.fromCharCode(value)).join(""));
  }});
  document.getElementById("seen").textContent = JSON.stringify(seen);
}};
</script>"""


def dice(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def colours(channels: int = 3) -> npt.NDArray[np.uint8]:
    return dice().integers(0, 256, (SIDE, SIDE, channels)).astype(np.uint8)


def pngs() -> dict[str, bytes]:
    files = {}
    for depth in (1, 2, 4, 8, 16):
        grey = dice(depth).integers(0, 1 << depth, (SIDE, SIDE))
        key = png.transparent(int(grey[0, 0]))
        files[f"PNG of grey, {depth} bits"] = png.png(grey, kind=png.GREY, depth=depth)
        files[f"PNG of grey with a key, {depth} bits"] = png.png(
            grey, kind=png.GREY, depth=depth, chunks=[key]
        )
    for depth in (8, 16):
        for name, kind, channels in (("RGB", png.RGB, 3), ("LA", png.GREY_ALPHA, 2), ("RGBA", png.RGBA, 4)):
            drawn = dice(depth).integers(0, 1 << depth, (SIDE, SIDE, channels))
            files[f"PNG of {name}, {depth} bits"] = png.png(drawn, kind=kind, depth=depth)
        rgb = dice(depth).integers(0, 1 << depth, (SIDE, SIDE, 3))
        rgb[:8] = rgb[0, 0]
        rgb[4:8] ^= 1
        keyed = [png.transparent(*map(int, rgb[0, 0]))]
        files[f"PNG of RGB with a key, {depth} bits"] = png.png(rgb, kind=png.RGB, depth=depth, chunks=keyed)
    return files


def colour_spaces() -> dict[str, bytes]:
    image = Image.fromarray(colours())
    profiles = {
        "sRGB": icc.matrix_profile(),
        "Display P3": icc.matrix_profile(primaries=icc.DISPLAY_P3),
        "Adobe RGB": icc.matrix_profile(primaries=icc.ADOBE_RGB, curve=icc.exponent(2.2)),
        "ProPhoto": icc.matrix_profile(primaries=icc.PROPHOTO, white_xy=icc.D50_XY, curve=icc.exponent(1.8)),
        "a grey profile": icc.grey_profile(icc.exponent(1.8)),
    }
    files = {}
    for name, profile in profiles.items():
        files[f"PNG of {name}"] = encoded(image, "PNG", icc_profile=profile)
        files[f"PNG of grey and {name}"] = encoded(image.convert("L"), "PNG", icc_profile=profile)
        files[f"WebP of {name}"] = encoded(image, "WEBP", lossless=True, icc_profile=profile)
        files[f"JPEG of {name}"] = encoded(image, "JPEG", quality=95, icc_profile=profile)
    white = (0.3127, 0.3290)
    for name, chunks in {
        "gamma 1": [png.gamma(1)],
        "gamma 1.8": [png.gamma(0.55556)],
        "gamma and primaries": [png.gamma(0.45455), png.chromaticities(*white, *icc.DISPLAY_P3)],
        "primaries alone": [png.chromaticities(*white, *icc.DISPLAY_P3)],
        "cICP of P3": [png.codes(12, 13)],
        "cICP of BT.2020": [png.codes(9, 13)],
        "cICP of gamma 2.2": [png.codes(1, 4)],
        "sRGB and gamma 1": [(b"sRGB", b"\0"), png.gamma(1)],
        "sRGB's gamma": [png.gamma(0.45455)],
    }.items():
        files[f"PNG with {name}"] = png.png(colours(), kind=png.RGB, chunks=chunks)
    red, green, blue = np.moveaxis(colours().astype(np.uint32), 2, 0)
    files["BMP of Display P3"] = bmp.bmp(
        red << 16 | green << 8 | blue, bits=24, header=124, profile=profiles["Display P3"]
    )
    return files


def frames() -> dict[str, bytes]:
    indexes, table = dice().integers(0, 8, (8, 10)), dice().integers(0, 256, (256, 3))
    still = encoded(Image.fromarray(colours()[:8, :10]), "WEBP", lossless=True)
    canvas = (SIDE, SIDE)
    return {
        "GIF": gif.gif(dice().integers(0, 8, canvas), table),
        "GIF on a canvas": gif.gif(indexes, table, canvas=canvas, at=(3, 2)),
        "GIF on a canvas, transparent": gif.gif(indexes, table, canvas=canvas, at=(3, 2), transparent=5),
        "GIF on a canvas, own palette": gif.gif(indexes, table, canvas=canvas, at=(3, 2), own_palette=True),
        "WebP on a canvas": webp.on_canvas(still, size=(10, 8), canvas=canvas, at=(4, 2)),
        "WebP with alpha": encoded(Image.fromarray(colours(4)), "WEBP", lossless=True, exact=True),
    }


def bmps() -> dict[str, bytes]:
    wide, narrow = dice().integers(0, 1 << 32, (SIDE, SIDE)), dice().integers(0, 1 << 16, (SIDE, SIDE))
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    files = {"BMP of 32 bits": bmp.bmp(wide, bits=32), "BMP of 16 bits": bmp.bmp(narrow, bits=16)}
    for header in (40, 56, 108, 124):
        files[f"BMP with masks, {header} bytes"] = bmp.bmp(wide, bits=32, header=header, masks=masks)
    five = (0x7C00, 0x3E0, 0x1F, 0x8000)
    files["BMP with one bit of alpha"] = bmp.bmp(narrow, bits=16, header=124, masks=five)
    return files


def turned() -> dict[str, bytes]:
    files = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        for kind in ("JPEG", "AVIF"):
            files[f"{kind}, orientation {orientation}"] = encoded(
                quadrants(SIDE), kind, exif=exif, quality=100
            )
    return files


def codecs() -> dict[str, bytes]:
    picture = noise(SIDE, SIDE, grain_px=8)
    inks = Image.merge("CMYK", [*picture.split(), picture.convert("L").point(lambda value: value // 2)])
    cmyk = encoded(inks, "JPEG", quality=95)
    at = cmyk.index(b"Adobe") + 11
    return {
        "JPEG": encoded(picture, "JPEG", quality=95),
        "JPEG of grey": encoded(picture.convert("L"), "JPEG", quality=95),
        "JPEG of RGB": encoded(picture, "JPEG", quality=95, keep_rgb=True),
        "JPEG of CMYK": cmyk,
        "JPEG of YCCK": cmyk[:at] + b"\2" + cmyk[at + 1 :],
        "AVIF": encoded(picture, "AVIF", quality=95),
        "AVIF of grey": encoded(picture.convert("L"), "AVIF", quality=95),
        "AVIF of Display P3": encoded(
            picture, "AVIF", quality=95, icc_profile=icc.matrix_profile(primaries=icc.DISPLAY_P3)
        ),
    }


def test_pixels_equal_those_of_chromium(browser: Browser, tmp_path: Path) -> None:
    files = pngs() | colour_spaces() | frames() | bmps() | turned() | codecs()
    images = "".join(f'<img src="data:;base64,{base64.b64encode(file).decode()}">' for file in files.values())
    page = tmp_path / "pixels.html"
    page.write_text(PAGE.format(images=images))

    document, _ = browser.load(page.as_uri())

    found = re.search(r'<pre id="seen">(.+?)</pre>', document)
    assert found is not None
    shown = dict(zip(files, orjson.loads(found[1]), strict=True))
    off_by = {name: difference(files[name], pixels) for name, pixels in shown.items()}
    # Lossy formats may differ, because Chromium has other versions of the decoding libraries.
    assert {name: off for name, off in off_by.items() if off > (4 if "AVIF" in name else 2)} == {}


def difference(file: bytes, shown: str) -> int:
    """Return the largest difference in levels between a decoded file and the browser's pixels."""
    pixels = np.frombuffer(base64.b64decode(shown), dtype=np.uint8).reshape(SIDE, SIDE, 4)[..., :3]
    return int(np.abs(decode(file, size_px=SIDE).astype(int) - pixels).max())
