"""Draws title and artist on demo covers in Pillow's built-in font, so that no font file is needed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFont, ImageStat

from catalog.demo.drawing.canvas import Canvas
from catalog.demo.drawing.palette import RGB, contrast, luminance

_MARGIN = 0.055
_WHITE: RGB = (250, 248, 244)
_BLACK: RGB = (16, 16, 18)

#: The minimum contrast, as colour distance and as luma, of coloured text with the picture under it; with less
#: contrast, the text is black or white.
_READABLE = 240.0
_READABLE_LUMA = 75.0
#: The maximum standard deviation of brightness in the picture under coloured text; above this value, the text
#: is black or white.
_RESTLESS = 40.0
_MIDDLE_GREY = 128.0
_LONG_TITLE = 14


@dataclass(frozen=True, slots=True)
class Style:
    """The style of a line of text; `size` is in units of the cover's side, `stretch` widens letters."""

    size: float
    weight: float
    tracking: float
    stretch: float
    case: str


def set_type(canvas: Canvas, *, title: str, artist: str, place: str, liked: RGB, rng: Random) -> None:
    """Draw title and artist on the cover, sometimes in the colour `liked` if the text is then readable."""
    style = _random_style(rng, title=title)
    small = Style(style.size * 0.56, style.weight * 0.4, 0.06, 1.0, rng.choice(["upper", "title"]))
    scale = canvas.size_px
    lines = [_line(title, style, scale), _line(artist, small, scale)]
    if place == "side":
        lines = [line.transpose(Image.Transpose.ROTATE_90) for line in lines]
    coloured = rng.random() < 0.5
    for line, (x, y) in zip(lines, _spots(lines, place=place, scale=scale), strict=True):
        area = (x, y, x + line.width, y + line.height)
        under = canvas.image.crop(area)
        canvas.image.paste(_colour(under, liked=liked if coloured else None), area, line)


def _colour(under: Image.Image, *, liked: RGB | None) -> RGB:
    """Return a colour in which text is readable over the picture `under`."""
    red, green, blue = (round(mean) for mean in ImageStat.Stat(under).mean)
    spread = max(ImageStat.Stat(under.convert("L")).stddev)
    light = luminance((red, green, blue))
    if (
        liked
        and spread < _RESTLESS
        and abs(luminance(liked) - light) > _READABLE_LUMA
        and contrast(liked, (red, green, blue)) > _READABLE
    ):
        return liked
    return _BLACK if light > _MIDDLE_GREY else _WHITE


def _random_style(rng: Random, *, title: str) -> Style:
    size = rng.uniform(0.058, 0.088)
    if len(title) > _LONG_TITLE:
        size = min(size, 0.066)
    weight = rng.choice([0.0, 0.0, 0.03, 0.05])
    return Style(
        size=size,
        weight=weight,
        tracking=rng.choice([0.0, 0.0, 0.08, 0.28]) + 2 * weight,
        stretch=rng.choice([0.78, 1.0, 1.0, 1.25]),
        case=rng.choice(["upper", "title", "lower"]),
    )


def _line(text: str, style: Style, scale: int) -> Image.Image:
    """Return one line of text as a mask that fits between the cover's margins."""
    text = {"upper": text.upper(), "lower": text.lower()}.get(style.case, text)
    size_px = max(4.0, style.size * scale)
    font = ImageFont.load_default(size_px)
    stroke = style.weight * size_px
    pads = style.tracking * size_px
    width = sum(font.getlength(letter) + pads for letter in text) + 2 * stroke
    mask = Image.new("L", (round(width) + 2, round(size_px * 1.35 + 2 * stroke)), 0)
    pen = ImageDraw.Draw(mask)
    at = stroke
    for letter in text:
        pen.text((at, stroke), letter, fill=255, font=font, stroke_width=stroke)
        at += font.getlength(letter) + pads
    most = (1 - 2 * _MARGIN) * scale
    wide = min(mask.width * style.stretch, most)
    return mask.resize((max(1, round(wide)), mask.height), Image.Resampling.BICUBIC)


def _spots(lines: list[Image.Image], *, place: str, scale: int) -> list[tuple[int, int]]:
    """Return the positions of the upper left corners of title and artist, in pixels."""
    title, artist = lines
    edge = round(_MARGIN * scale)
    low = scale - edge
    if place == "top":
        return [((scale - title.width) // 2, edge), ((scale - artist.width) // 2, edge + title.height)]
    if place == "bottom":
        return [
            ((scale - title.width) // 2, low - artist.height - title.height),
            ((scale - artist.width) // 2, low - artist.height),
        ]
    if place == "corner":
        return [(edge, edge), (low - artist.width, low - artist.height)]
    return [(edge // 2, low - title.height), (edge // 2 + title.width, low - artist.height)]
