"""The outlines of the objects on demo covers, as polygons in the unit disc, whose y axis points down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """One polygon of an object; with `cut`, the polygon is removed from the polygons drawn before it."""

    points: tuple[Point, ...]
    cut: bool = False


Outline = tuple[Part, ...]


def part(*points: Point, cut: bool = False) -> Part:
    """Return the polygon with the given corners."""
    return Part(points, cut)


def disc(x: float = 0, y: float = 0, rx: float = 1, ry: float | None = None, *, cut: bool = False) -> Part:
    """Return an ellipse as a polygon of 72 corners."""
    ry = rx if ry is None else ry
    turns = (2 * pi * i / 72 for i in range(72))
    return Part(tuple((x + rx * cos(t), y + ry * sin(t)) for t in turns), cut)


def box(left: float, top: float, right: float, bottom: float, *, cut: bool = False) -> Part:
    """Return a rectangle."""
    return Part(((left, top), (right, top), (right, bottom), (left, bottom)), cut)


def regular(sides: int, *, start: float = -pi / 2, radius: float = 1) -> Part:
    """Return a regular polygon around the origin."""
    turns = (start + 2 * pi * i / sides for i in range(sides))
    return Part(tuple((radius * cos(t), radius * sin(t)) for t in turns))


def spikes(count: int, *, inner: float, outer: float = 1) -> Part:
    """Return a star with `count` points."""
    turns = ((-pi / 2 + pi * i / count, outer if i % 2 == 0 else inner) for i in range(2 * count))
    return Part(tuple((r * cos(t), r * sin(t)) for t, r in turns))


def ribbon(line: Sequence[Point], *, width: float) -> Part:
    """Return a band of constant width along a line."""
    upper: list[Point] = []
    lower: list[Point] = []
    for i, (x, y) in enumerate(line):
        ahead, behind = line[min(i + 1, len(line) - 1)], line[max(i - 1, 0)]
        dx, dy = ahead[0] - behind[0], ahead[1] - behind[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        nx, ny = -dy / length * width / 2, dx / length * width / 2
        upper.append((x + nx, y + ny))
        lower.append((x - nx, y - ny))
    return Part(tuple(upper + lower[::-1]))


def spiral() -> Outline:
    """Return three turns of an Archimedean spiral."""
    turns = (6 * pi * i / 160 for i in range(161))
    return (
        ribbon([(t / (6 * pi) * 0.92 * cos(t), t / (6 * pi) * 0.92 * sin(t)) for t in turns], width=0.15),
    )


def heart() -> Outline:
    """Return a heart, drawn as a parametric curve."""
    turns = [2 * pi * i / 72 for i in range(72)]
    points = (
        (sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 16.5) for t in turns
    )
    return (Part(tuple(points)),)


def flower() -> Outline:
    """Return a flower with six petals around a hole."""
    petals = (disc(0.58 * cos(pi * i / 3), 0.58 * sin(pi * i / 3), 0.4) for i in range(6))
    return (*petals, disc(0, 0, 0.45), disc(0, 0, 0.24, cut=True))


def sun() -> Outline:
    """Return a sun: a disc with twelve rays."""
    return (spikes(12, inner=0.66), disc(0, 0, 0.64, cut=True), disc(0, 0, 0.54))


def wave() -> Outline:
    """Return three wavy lines."""
    xs = [-1 + i / 24 for i in range(49)]
    return tuple(ribbon([(x, dy + 0.2 * sin(2 * pi * x)) for x in xs], width=0.24) for dy in (-0.52, 0, 0.52))


def guitar() -> Outline:
    """Return an acoustic guitar standing upright."""
    return (
        disc(0, 0.56, 0.46, 0.42),
        disc(0, 0.06, 0.33, 0.28),
        box(-0.075, -0.8, 0.075, 0.2),
        part((-0.14, -1), (0.14, -1), (0.1, -0.72), (-0.1, -0.72)),
        disc(0, 0.26, 0.14, cut=True),
        box(-0.2, 0.68, 0.2, 0.74, cut=True),
    )


def bird() -> Outline:
    """Return a bird in flight, seen from the side."""
    return (
        disc(0.02, 0.16, 0.52, 0.27),
        disc(0.52, -0.06, 0.23),
        part((0.68, -0.16), (1, -0.02), (0.68, 0.08)),
        part((-0.36, 0.02), (-1, -0.12), (-0.82, 0.2), (-0.98, 0.46), (-0.3, 0.34)),
        part((0.3, 0.12), (0.06, -0.62), (-0.5, -0.95), (-0.42, -0.3), (-0.3, 0.16)),
        disc(0.56, -0.1, 0.055, cut=True),
    )


def butterfly() -> Outline:
    """Return a butterfly with four wings and a body."""
    wings = (disc(s * 0.5, -0.36, 0.48, 0.44) for s in (-1, 1))
    tails = (disc(s * 0.4, 0.42, 0.36, 0.38) for s in (-1, 1))
    holes = (disc(s * 0.54, -0.38, 0.18, cut=True) for s in (-1, 1))
    return (*wings, *tails, *holes, disc(0, 0, 0.09, 0.8))


def skull() -> Outline:
    """Return a skull seen from the front."""
    teeth = (box(x - 0.03, 0.68, x + 0.03, 0.96, cut=True) for x in (-0.2, 0, 0.2))
    return (
        disc(0, -0.22, 0.78, 0.74),
        box(-0.42, 0.3, 0.42, 0.94),
        disc(-0.32, -0.16, 0.22, cut=True),
        disc(0.32, -0.16, 0.22, cut=True),
        part((0, 0.1), (0.13, 0.36), (-0.13, 0.36), cut=True),
        *teeth,
    )


def cactus() -> Outline:
    """Return a cactus with two arms."""
    return (
        disc(0, -0.74, 0.24), box(-0.24, -0.74, 0.24, 1),
        box(-0.72, 0.04, 0, 0.28), box(-0.78, -0.4, -0.52, 0.28), disc(-0.65, -0.4, 0.13),
        box(0, -0.2, 0.72, 0.04), box(0.52, -0.62, 0.78, 0.04), disc(0.65, -0.62, 0.13),
    )  # fmt: skip


def cassette() -> Outline:
    """Return a music cassette."""
    reels = tuple(disc(x, -0.06, 0.2, cut=True) for x in (-0.42, 0.42))
    hubs = tuple(disc(x, -0.06, 0.09) for x in (-0.42, 0.42))
    window = part((-0.5, 0.42), (0.5, 0.42), (0.62, 0.66), (-0.62, 0.66), cut=True)
    return (box(-1, -0.66, 1, 0.66), box(-0.78, -0.5, 0.78, -0.4, cut=True), *reels, *hubs, window)


def anchor() -> Outline:
    """Return a ship's anchor."""
    arc = [(0.78 * cos(t), 0.18 + 0.72 * sin(t)) for t in (pi * i / 24 for i in range(25))]
    flukes = (part((s * 1.0, 0.3), (s * 0.56, 0.3), (s * 0.8, -0.08)) for s in (-1, 1))
    return (
        disc(0, -0.76, 0.24), disc(0, -0.76, 0.1, cut=True), box(-0.09, -0.56, 0.09, 0.9),
        box(-0.44, -0.4, 0.44, -0.22), ribbon(arc, width=0.2), *flukes,
    )  # fmt: skip


OUTLINES: dict[str, Callable[[], Outline]] = {
    "circle": lambda: (disc(),),
    "ring": lambda: (disc(), disc(0, 0, 0.62, cut=True)),
    "triangle": lambda: (part((0, -0.95), (1, 0.8), (-1, 0.8)),),
    "square": lambda: (box(-0.82, -0.82, 0.82, 0.82),),
    "diamond": lambda: (part((0, -1), (0.66, 0), (0, 1), (-0.66, 0)),),
    "hexagon": lambda: (regular(6),),
    "star": lambda: (spikes(5, inner=0.42),),
    "heart": heart,
    "cross": lambda: (box(-0.2, -1, 0.2, 1), box(-0.68, -0.5, 0.68, -0.12)),
    "arrow": lambda: (
        part((0, -1), (0.78, -0.1), (0.3, -0.1), (0.3, 1), (-0.3, 1), (-0.3, -0.1), (-0.78, -0.1)),
    ),
    "spiral": spiral,
    "moon": lambda: (disc(0, 0, 0.98), disc(0.46, -0.16, 0.82, cut=True)),
    "sun": sun,
    "cloud": lambda: (
        disc(-0.52, 0.16, 0.42), disc(0.02, -0.16, 0.52), disc(0.56, 0.14, 0.4), box(-0.52, 0.1, 0.56, 0.56),
    ),
    "lightning bolt": lambda: (
        part((0.18, -1), (-0.58, 0.16), (-0.06, 0.16), (-0.24, 1), (0.6, -0.28), (0.06, -0.28), (0.5, -1)),
    ),
    "mountain": lambda: (
        part((-1, 0.72), (-0.3, -0.8), (0.16, 0.06), (0.42, -0.34), (1, 0.72)),
        part((-0.3, -0.46), (-0.14, -0.16), (-0.3, -0.26), (-0.46, -0.1), cut=True),
    ),
    "tree": lambda: (
        part((0, -1), (0.5, -0.3), (-0.5, -0.3)), part((0, -0.62), (0.64, 0.2), (-0.64, 0.2)),
        part((0, -0.2), (0.78, 0.66), (-0.78, 0.66)), box(-0.13, 0.6, 0.13, 1),
    ),
    "leaf": lambda: (
        disc(0, -0.1, 0.5, 0.88), part((-0.05, -0.7), (0.05, -0.7), (0.07, 1), (-0.07, 1)),
        part((-0.03, -0.6), (0.03, -0.6), (0.05, 0.6), (-0.05, 0.6), cut=True),
    ),
    "flower": flower,
    "wave": wave,
    "eye": lambda: (
        part(*((-1 + i / 20, -0.6 * sin(pi * i / 40)) for i in range(41)),
             *((1 - i / 20, 0.6 * sin(pi * i / 40)) for i in range(41))),
        disc(0, 0, 0.42, cut=True), disc(0, 0, 0.27),
    ),
    "guitar": guitar,
    "vinyl record": lambda: (
        disc(), disc(0, 0, 0.84, cut=True), disc(0, 0, 0.79), disc(0, 0, 0.62, cut=True), disc(0, 0, 0.57),
        disc(0, 0, 0.34, cut=True), disc(0, 0, 0.26), disc(0, 0, 0.06, cut=True),
    ),
    "cassette": cassette,
    "bird": bird,
    "fish": lambda: (
        disc(-0.18, 0, 0.7, 0.44), part((0.34, 0), (1, -0.52), (0.84, 0), (1, 0.52)),
        disc(-0.54, -0.1, 0.09, cut=True),
    ),
    "house": lambda: (
        part((0, -0.95), (1, -0.08), (-1, -0.08)), box(-0.72, -0.1, 0.72, 0.85),
        box(-0.16, 0.3, 0.16, 0.85, cut=True), box(0.32, 0.12, 0.56, 0.38, cut=True),
    ),
    "boat": lambda: (
        part((-1, 0.4), (1, 0.4), (0.62, 0.86), (-0.62, 0.86)),
        part((-0.06, -1), (-0.06, 0.26), (-0.8, 0.26)),
        part((0.08, -0.7), (0.08, 0.26), (0.66, 0.26)),
    ),
    "crown": lambda: (
        part((-0.9, 0.7), (-1, -0.5), (-0.45, 0.06), (0, -0.8), (0.45, 0.06), (1, -0.5), (0.9, 0.7)),
        box(-0.8, 0.42, 0.8, 0.5, cut=True),
    ),
    "mushroom": lambda: (
        disc(0, -0.1, 0.95, 0.8), box(-1, -0.06, 1, 0.9, cut=True),
        part((-0.24, -0.06), (0.24, -0.06), (0.32, 0.9), (-0.32, 0.9)),
        disc(-0.38, -0.42, 0.15, cut=True), disc(0.3, -0.5, 0.17, cut=True), disc(0, -0.2, 0.1, cut=True),
    ),
    "cactus": cactus,
    "skull": skull,
    "key": lambda: (
        disc(0, -0.6, 0.4), disc(0, -0.6, 0.2, cut=True),
        box(-0.1, -0.3, 0.1, 1), box(0, 0.76, 0.44, 0.96), box(0, 0.44, 0.34, 0.62),
    ),
    "butterfly": butterfly,
    "anchor": anchor,
}  # fmt: skip

SHAPES = tuple(OUTLINES)


def outline(shape: str) -> Outline:
    """Return the polygons of the shape with the given name."""
    return OUTLINES[shape]()
