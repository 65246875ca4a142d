"""The named colours of demo covers; background colours have three tones: dark, bright and pale."""

from __future__ import annotations

from random import Random

RGB = tuple[int, int, int]

#: Maps each tone to its background colours. A tone omits each colour that has another name in this tone: a
#: pale red is called pink.
GROUNDS: dict[str, dict[str, RGB]] = {
    "dark": {
        "red": (98, 10, 20),
        "green": (12, 62, 34),
        "teal": (6, 68, 74),
        "blue": (14, 26, 94),
        "purple": (58, 16, 88),
        "brown": (72, 42, 22),
        "grey": (62, 64, 68),
        "black": (14, 14, 17),
    },
    "bright": {
        "red": (220, 34, 40),
        "orange": (244, 124, 22),
        "yellow": (252, 210, 36),
        "green": (36, 168, 74),
        "teal": (4, 166, 164),
        "blue": (30, 88, 226),
        "purple": (132, 54, 206),
        "pink": (242, 72, 150),
    },
    "pale": {
        "yellow": (252, 238, 160),
        "green": (182, 222, 172),
        "teal": (164, 224, 218),
        "blue": (166, 202, 246),
        "purple": (208, 182, 238),
        "pink": (252, 194, 216),
        "grey": (192, 192, 190),
        "white": (246, 243, 236),
    },
}

#: The colours of objects, text and ornaments.
INKS: dict[str, RGB] = {
    "red": (214, 30, 38),
    "orange": (245, 128, 26),
    "yellow": (252, 214, 48),
    "green": (34, 158, 70),
    "teal": (8, 160, 160),
    "blue": (34, 84, 218),
    "purple": (130, 54, 200),
    "pink": (244, 92, 160),
    "brown": (128, 74, 38),
    "black": (16, 16, 18),
    "white": (250, 248, 242),
    "grey": (146, 147, 148),
}

TONES = tuple(GROUNDS)
COLOURS = tuple(INKS)
NEUTRALS = frozenset({"black", "white", "grey"})

#: Light object colours, which on a large area would make a dark cover bright, and dark object colours, which
#: would make a bright or pale cover dark.
LIGHT_INKS = frozenset({"white", "yellow", "grey"})
DARK_INKS = frozenset({"black", "brown"})

_MIN_CONTRAST = 185.0


def contrast(one: RGB, other: RGB) -> float:
    """Return the "redmean" distance of two colours, 0 to about 765."""
    mean_red = (one[0] + other[0]) / 2
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    weighted = (2 + mean_red / 256) * red**2 + 4 * green**2 + (3 - mean_red / 256) * blue**2
    return float(weighted**0.5)


def inks_on(ground: RGB) -> list[str]:
    """Return the names of the object colours that contrast with a background colour."""
    return [name for name, rgb in INKS.items() if contrast(rgb, ground) > _MIN_CONTRAST]


def luminance(rgb: RGB) -> float:
    """Return the Rec. 601 luma of a colour, 0 to 255."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def jitter(rgb: RGB, *, rng: Random, amount: int = 9) -> RGB:
    """Return the colour with small random changes, so that covers rarely share exactly the same colour."""
    red, green, blue = (min(255, max(0, c + rng.randint(-amount, amount))) for c in rgb)
    return red, green, blue


def mix(one: RGB, other: RGB, *, share: float) -> RGB:
    """Return a mixture of two colours; `share` is the share of the second colour."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
