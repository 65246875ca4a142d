"""Lossy and lossless WebPs of ten megabytes."""

from PIL import Image

from benchmarks.costly_images.family import Family, encoded, noise


def _lossy(side: int) -> bytes:
    return encoded(noise(side, side, grain_px=4), "WEBP", quality=20, method=0)


def _lossless(side: int) -> bytes:
    return encoded(noise(side, side, grain_px=4), "WEBP", lossless=True, quality=0, method=0)


def _distinct(side: int) -> bytes:
    """Return a lossless WebP of noise with so few bits per pixel that the gateway accepts large pictures."""
    ramp = Image.linear_gradient("L").resize((side, side))
    grain = Image.effect_noise((side, side), 2).point(lambda sample: sample // 126 - 1)
    picture = Image.merge(
        "RGB", (ramp, Image.blend(ramp, grain, 0.02), ramp.transpose(Image.Transpose.ROTATE_90))
    )
    return encoded(picture, "WEBP", lossless=True, quality=0, method=0)


def _alpha(side: int) -> bytes:
    picture = noise(side, side, grain_px=16, mode="RGBA")
    picture.putalpha(noise(side, side, grain_px=16, mode="L"))
    return encoded(picture, "WEBP", quality=20, method=0)


FAMILIES = (
    Family("lossy", "WEBP", _lossy, 7200, is_light=False),
    Family("lossless, repeated tiles", "WEBP", _lossless, 7200, is_light=False),
    Family("lossless, without repetition", "WEBP", _distinct, 7200, is_light=False),
    Family("lossy with alpha", "WEBP", _alpha, 7200, is_light=False),
)
