"""Draws a demo cover: first the background, then ornaments, objects, text and darkened corners."""

from __future__ import annotations

import io
from random import Random

from PIL import Image

from catalog.demo.albums import DemoAlbum
from catalog.demo.cover_attributes import Look
from catalog.demo.drawing import textures
from catalog.demo.drawing.canvas import Canvas, Stamp
from catalog.demo.drawing.layouts import stamps
from catalog.demo.drawing.palette import GROUNDS, INKS, RGB, contrast, jitter, mix
from catalog.demo.drawing.typography import set_type

_WHITE: RGB = (250, 248, 244)
_BLACK: RGB = (16, 16, 18)
_RAINBOW = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
_JPEG_QUALITY = 88


def draw_cover(album: DemoAlbum, *, size_px: int = 640) -> Image.Image:
    """Return the album's cover in mode RGB; the same album and size always give the same pixels."""
    look = album.look
    rng = Random(look.seed)
    base = jitter(GROUNDS[look.tone][look.ground], rng=rng)
    canvas = Canvas(textures.ground(base, texture=look.texture, size_px=size_px, seed=look.seed))
    _ornament(canvas, look, rng=rng)
    _objects(canvas, look, base=base, rng=rng)
    set_type(
        canvas,
        title=album.album_name,
        artist=album.artist,
        place=look.title_place,
        liked=INKS[look.ink],
        rng=rng,
    )
    return textures.vignette(canvas.image, strength=rng.choice([0.0, 0.12, 0.3]))


def cover_jpeg(album: DemoAlbum, *, size_px: int = 640) -> bytes:
    """Return the album's cover as JPEG bytes."""
    buffer = io.BytesIO()
    draw_cover(album, size_px=size_px).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _ornament(canvas: Canvas, look: Look, *, rng: Random) -> None:
    """Paint a layout's ornament: the second half of a split layout, or the frame of a bordered layout."""
    accent = jitter(GROUNDS[look.tone][look.accent], rng=rng)
    if look.layout == "split":
        half = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]
        if rng.random() < 0.5:
            half = [(y, x) for x, y in half]
        fill = textures.ground(accent, texture=look.texture, size_px=canvas.size_px, seed=look.seed)
        canvas.paint(canvas.polygon(*half), fill)
    if look.layout == "bordered":
        wide = rng.uniform(0.035, 0.05)
        frame = canvas.polygon(
            (0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (wide, wide), (wide, 1 - wide),
            (1 - wide, 1 - wide), (1 - wide, wide), (wide, wide),
        )  # fmt: skip
        canvas.paint(frame, INKS[look.ink])


def _objects(canvas: Canvas, look: Look, *, base: RGB, rng: Random) -> None:
    """Paint the objects, and for a random share of covers also their shadows."""
    placed = stamps(look.layout, shape=look.shape, title_place=look.title_place, rng=rng)
    groups = _coloured(placed, look, base=base, rng=rng)
    shaded = rng.random() < 0.45
    sheen = rng.choice([0.0, 0.0, 0.16, 0.26])
    for group, rgb in groups:
        mask = canvas.mask(group)
        if shaded:
            canvas.shadow(mask, offset=0.012, blur=0.014, opacity=0.4)
        canvas.paint(mask, _fill(rgb, sheen=sheen, size_px=canvas.size_px, seed=look.seed))


def _coloured(placed: list[Stamp], look: Look, *, base: RGB, rng: Random) -> list[tuple[list[Stamp], RGB]]:
    """Return the stamps in groups of the same colour, in painting order."""
    ink = jitter(INKS[look.ink], rng=rng)
    if look.colourful:
        colours = [INKS[name] for name in _RAINBOW if contrast(INKS[name], base) > 110]
        rng.shuffle(colours)
        return [([stamp], colours[i % len(colours)]) for i, stamp in enumerate(placed)]
    if look.layout == "concentric":
        return [([stamp], base if i % 2 else ink) for i, stamp in enumerate(placed)]
    return [(placed, ink)]


def _fill(rgb: RGB, *, sheen: float, size_px: int, seed: int) -> RGB | Image.Image:
    """Return the colour, or a soft gradient around the colour if `sheen` is not zero."""
    if not sheen:
        return rgb
    light = Image.linear_gradient("L").resize((size_px, size_px))
    if seed % 2:
        light = light.transpose(Image.Transpose.ROTATE_90)
    bright, deep = mix(rgb, _WHITE, share=sheen), mix(rgb, _BLACK, share=sheen)
    ends = [Image.new("RGB", (size_px, size_px), end) for end in (deep, bright)]
    return Image.composite(ends[0], ends[1], light)
