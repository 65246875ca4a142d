"""Makes the counterpart of a demo cover, which differs from the cover in one attribute of its look."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from catalog.demo.albums import DemoAlbum
from catalog.demo.cover_attributes import LAYOUTS, MANY_COPIES, Look
from catalog.demo.drawing.palette import GROUNDS, inks_on
from catalog.demo.drawing.shapes import SHAPES

#: The shapes that the model confuses most often, in groups.
LOOKALIKES = (
    frozenset({"circle", "hexagon", "vinyl record", "square"}),
    frozenset({"mountain", "triangle", "tree", "diamond"}),
    frozenset({"leaf", "arrow", "guitar"}),
    frozenset({"eye", "fish", "bird"}),
    frozenset({"flower", "spiral"}),
    frozenset({"cassette", "butterfly"}),
)
_LOOKALIKE_SHARE = 0.6
_SHARES = {"shape": 0.55, "colour": 0.15, "background": 0.15, "layout": 0.15}


def counterparts(albums: list[DemoAlbum], *, seed: int) -> list[DemoAlbum]:
    """Return each album's counterpart, in the same order."""
    return [replace(a, look=exchange_any(a.look, rng=Random(f"counterpart {seed}/{a.id}"))) for a in albums]


def exchange_any(look: Look, *, rng: Random) -> Look:
    """Return a look with one random attribute exchanged; the shape is the most likely attribute."""
    return exchange(look, rng.choices(list(_SHARES), weights=list(_SHARES.values()))[0], rng=rng)


def exchange(look: Look, attribute: str, *, rng: Random) -> Look:
    """Return a look that can be drawn and differs in `shape`, `colour`, `background` or `layout`.

    The layout determines the number of objects and their places.
    """
    match attribute:
        case "shape":
            return replace(look, shape=rng.choice(_other_shapes(look.shape, rng=rng)))
        case "colour":
            return _with_colour(look, rng=rng)
        case "background":
            return _with_background(look, rng=rng)
        case "layout":
            layout = rng.choice([name for name in LAYOUTS if name != look.layout])
            return replace(look, layout=layout, colourful=look.colourful and layout in MANY_COPIES)
    raise ValueError(f"shape, colour, background or layout, not {attribute!r}")


def _other_shapes(shape: str, *, rng: Random) -> list[str]:
    """Return look-alikes of a shape, or all other shapes; look-alikes are more likely if there are any."""
    similar = {name for group in LOOKALIKES if shape in group for name in group} - {shape}
    if similar and rng.random() < _LOOKALIKE_SHARE:
        return sorted(similar)
    return [name for name in SHAPES if name != shape]


def _with_colour(look: Look, *, rng: Random) -> Look:
    if look.colourful:
        return replace(look, colourful=False)
    taken = {look.ink, look.ground, look.accent}
    visible = inks_on(GROUNDS[look.tone][look.ground])
    return replace(look, ink=rng.choice([ink for ink in visible if ink not in taken]))


def _with_background(look: Look, *, rng: Random) -> Look:
    """Return a look with another background; an object's colour keeps its contrast to the background."""
    taken = {look.ink, look.ground, look.accent}
    grounds = {name: rgb for name, rgb in GROUNDS[look.tone].items() if name not in taken}
    return replace(
        look, ground=rng.choice([name for name, rgb in grounds.items() if look.ink in inks_on(rgb)])
    )
