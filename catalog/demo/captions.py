"""Phrases that describe the attributes of a demo cover, and the caption that is made from the phrases."""

from __future__ import annotations

from random import Random

from catalog.demo.cover_attributes import Look

#: Maps each layout to phrases; `{a}` is the object's name with an article, `{o}` the name alone, `{s}` the
#: plural.
LAYOUT_PHRASES: dict[str, tuple[str, ...]] = {
    "centred": ("{a} in the centre", "{a} centred", "a centred {o}"),
    "minimalist": ("a minimalist small {o}", "a minimalist {o}", "a minimalist tiny {o}"),
    "close-up": ("a close-up of {a}", "a huge {o}", "an oversized {o}"),
    "scattered": ("scattered {s}", "{s} scattered about", "randomly placed {s}"),
    "grid": ("a grid of {s}", "{s} in a grid", "rows of {s}"),
    "diagonal": ("a diagonal line of {s}", "{s} along a diagonal", "diagonal {s}"),
    "split": ("{a}, split in two halves,", "{a} between two halves", "a split image of {a}"),
    "bordered": ("{a} inside a border", "a framed {o}", "{a} with a border"),
    "mirrored": ("two mirrored {s}", "a mirrored pair of {s}", "twin {s}"),
    "concentric": ("concentric {s}", "nested {s}", "{s} inside each other"),
}

TEXTURE_PHRASES: dict[str, tuple[str, ...]] = {
    "plain": ("plain", "flat", "solid"),
    "gradient": ("gradient", "fading"),
    "grainy": ("grainy", "rough", "grain texture"),
    "halftone": ("halftone", "dotted", "polka dot"),
    "striped": ("striped", "lined"),
    "checkered": ("checkered", "checkerboard", "checked"),
    "sunburst": ("sunburst", "radiating", "rays"),
    "marbled": ("marbled", "marble", "swirling"),
    "misty": ("misty", "cloudy", "foggy"),
}

_IRREGULAR = {"leaf": "leaves", "butterfly": "butterflies", "fish": "fish", "cactus": "cacti"}


def plural(shape: str) -> str:
    """Return the plural of a shape's name."""
    if shape in _IRREGULAR:
        return _IRREGULAR[shape]
    return f"{shape}es" if shape.endswith(("s", "x", "ch")) else f"{shape}s"


def with_article(words: str) -> str:
    """Return the words with "a" or "an" before them."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def object_phrase(template: str, *, colour: str, shape: str) -> str:
    """Fill a layout's phrase with an object and its colour; an empty colour is left out."""
    one, many = (f"{colour} {noun}".strip() for noun in (shape, plural(shape)))
    return template.format(a=with_article(one), o=one, s=many)


def caption(look: Look, *, genre: str, rng: Random) -> str:
    """Return a true caption that names every attribute of a cover except the title's position."""
    colour = "colourful" if look.colourful else look.ink
    what = object_phrase(rng.choice(LAYOUT_PHRASES[look.layout]), colour=colour, shape=look.shape)
    halves = f"{look.ground} and {look.accent}" if look.layout == "split" else look.ground
    texture = TEXTURE_PHRASES[look.texture][0]
    behind = rng.choice(
        (
            f"{look.tone} {halves} {texture} background",
            f"{texture} {look.tone} {halves} background",
        )
    )
    said = rng.choice(
        (
            f"{what} on {with_article(behind)}, {genre.lower()} album",
            f"{with_article(genre.lower())} album cover with {what} on {with_article(behind)}",
            f"{with_article(behind)} with {what}, {genre.lower()}",
        )
    )
    return said.replace(",,", ",").capitalize()
