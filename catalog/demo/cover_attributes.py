"""The attributes from which a demo cover is drawn, and the facts that are true of a cover."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from catalog.demo.drawing.palette import (
    COLOURS,
    DARK_INKS,
    GROUNDS,
    INKS,
    LIGHT_INKS,
    NEUTRALS,
    TONES,
    contrast,
    inks_on,
)
from catalog.demo.drawing.shapes import SHAPES
from catalog.demo.genres import GENRES

LAYOUTS = (
    "centred",
    "minimalist",
    "close-up",
    "scattered",
    "grid",
    "diagonal",
    "split",
    "bordered",
    "mirrored",
    "concentric",
)
TEXTURES = (
    "plain",
    "gradient",
    "grainy",
    "halftone",
    "striped",
    "checkered",
    "sunburst",
    "marbled",
    "misty",
)
TITLE_PLACES = ("top", "bottom", "corner", "side")

#: The layouts with several copies of the object; each copy can have its own colour.
MANY_COPIES = frozenset({"scattered", "grid", "diagonal", "concentric"})
_QUIET_TEXTURES = ("plain", "gradient", "grainy", "misty")
_COLOURFUL_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Look:
    """The attributes of one cover; `seed` determines all other details, such as angles and offsets."""

    tone: str
    ground: str
    ink: str
    accent: str
    shape: str
    layout: str
    texture: str
    colourful: bool
    title_place: str
    seed: int

    @property
    def monochrome(self) -> bool:
        """Whether the cover uses only black, white and grey."""
        return not self.colourful and self.main_colours <= NEUTRALS

    @property
    def main_colours(self) -> frozenset[str]:
        """The colours of the background, and of the objects if they all have the same colour."""
        inks = set() if self.colourful else {self.ink}
        halves = {self.accent} if self.layout == "split" else set()
        return frozenset({self.ground} | inks | halves)


def random_look(rng: Random, *, genre: str) -> Look:
    """Return random attributes for a cover; attributes that the genre prefers are more likely."""
    profile = GENRES[genre]
    tone = rng.choices(TONES, weights=profile.tones)[0]
    ground = _biased(rng, list(GROUNDS[tone]), liked=profile.colours)
    layout = rng.choice(LAYOUTS)
    ink = rng.choice(_fitting_inks(tone, ground=ground, layout=layout))
    return Look(
        tone=tone,
        ground=ground,
        ink=ink,
        accent=_accent(rng, tone=tone, ground=ground, ink=ink),
        shape=_biased(rng, list(SHAPES), liked=profile.shapes),
        layout=layout,
        texture=rng.choice(_QUIET_TEXTURES if layout == "minimalist" else TEXTURES),
        colourful=layout in MANY_COPIES and rng.random() < _COLOURFUL_SHARE,
        title_place=rng.choice(TITLE_PLACES),
        seed=rng.getrandbits(32),
    )


def _fitting_inks(tone: str, *, ground: str, layout: str) -> list[str]:
    """Return object colours that contrast with the background and do not change the tone of a close-up."""
    inks = [ink for ink in inks_on(GROUNDS[tone][ground]) if ink != ground]
    if layout != "close-up":
        return inks
    against = {"dark": LIGHT_INKS, "pale": DARK_INKS, "bright": DARK_INKS}[tone]
    return [ink for ink in inks if ink not in against] or inks


def _accent(rng: Random, *, tone: str, ground: str, ink: str) -> str:
    """Return a second background colour of the same tone, which fills the other half of a split layout."""
    others = [
        name
        for name, rgb in GROUNDS[tone].items()
        if name not in (ground, ink)
        and contrast(rgb, INKS[ink]) > 90
        and contrast(rgb, GROUNDS[tone][ground]) > 60
    ]
    return rng.choice(others or [n for n in GROUNDS[tone] if n not in (ground, ink)])


def _biased(rng: Random, names: list[str], *, liked: frozenset[str]) -> str:
    """Return a random name; each name in `liked` is four times as likely as any other name."""
    return rng.choices(names, weights=[4 if name in liked else 1 for name in names])[0]


#: All facts about covers that a phrase may require, in the column order of the match matrix in training.
FACTS = (
    *(f"tone:{name}" for name in TONES),
    *(f"colour:{name}" for name in COLOURS),
    *(f"ground:{name}" for name in COLOURS),
    *(f"ink:{name}" for name in COLOURS),
    *(f"shape:{name}" for name in SHAPES),
    *(f"layout:{name}" for name in LAYOUTS),
    *(f"texture:{name}" for name in TEXTURES),
    *(f"title:{name}" for name in TITLE_PLACES),
    *(f"genre:{name}" for name in GENRES),
    "scheme:colourful",
    "scheme:monochrome",
    *(f"accent:{name}" for name in COLOURS),
)


def facts(look: Look, *, genre: str) -> frozenset[str]:
    """Return all facts that are true of a cover.

    The facts `colour:…` name the colour of the background and, if the objects have only one colour, their
    colour.
    """
    true = {
        f"tone:{look.tone}",
        f"ground:{look.ground}",
        f"shape:{look.shape}",
        f"layout:{look.layout}",
        f"texture:{look.texture}",
        f"title:{look.title_place}",
        f"genre:{genre}",
    }
    if look.colourful:
        true.add("scheme:colourful")
    else:
        true.add(f"ink:{look.ink}")
    if look.monochrome:
        true.add("scheme:monochrome")
    if look.layout == "split":
        true.add(f"accent:{look.accent}")
    return frozenset(true) | {f"colour:{name}" for name in look.main_colours}
