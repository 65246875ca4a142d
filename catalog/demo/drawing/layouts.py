"""The positions of the objects on a demo cover; one function per layout returns the objects as stamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from catalog.demo.drawing.canvas import Stamp

#: The shapes that look right when they are rotated by any angle.
_TURNING = frozenset({"circle", "ring", "star", "square", "hexagon", "spiral", "flower", "vinyl record"})


#: Maps each position of a title to the shift right, the shift down and the scale factor of the objects, which
#: make room for the title.
_ROOM = {"top": (0.0, 0.06, 0.94), "bottom": (0.0, -0.07, 0.94), "side": (0.06, 0.0, 0.94)}
_MAKES_ROOM = frozenset({"centred", "split", "bordered", "mirrored", "minimalist", "grid", "concentric"})


def stamps(layout: str, *, shape: str, title_place: str, rng: Random) -> list[Stamp]:
    """Return the objects with their positions, in painting order."""
    placed = _LAYOUTS[layout](shape, rng)
    if layout not in _MAKES_ROOM or title_place not in _ROOM:
        return placed
    right, down, scale = _ROOM[title_place]
    return [
        replace(
            stamp,
            x=0.5 + (stamp.x - 0.5) * scale + right,
            y=0.5 + (stamp.y - 0.5) * scale + down,
            radius=stamp.radius * scale,
        )
        for stamp in placed
    ]


def _tilt(shape: str, rng: Random, *, most: float = 10) -> float:
    return rng.uniform(-20, 20) if shape in _TURNING else rng.uniform(-most, most)


def _centred(shape: str, rng: Random) -> list[Stamp]:
    return [Stamp(shape, 0.5, rng.uniform(0.48, 0.52), rng.uniform(0.25, 0.29), _tilt(shape, rng))]


def _minimalist(shape: str, rng: Random) -> list[Stamp]:
    x, y = rng.choice([(0.5, 0.5), (0.5, 0.38), (0.3, 0.4), (0.7, 0.4), (0.3, 0.62), (0.7, 0.62)])
    return [Stamp(shape, x, y, rng.uniform(0.1, 0.12), _tilt(shape, rng, most=4))]


def _close_up(shape: str, rng: Random) -> list[Stamp]:
    x, y = 0.5 + rng.uniform(-0.12, 0.12), 0.5 + rng.uniform(-0.1, 0.1)
    return [Stamp(shape, x, y, rng.uniform(0.5, 0.58), _tilt(shape, rng, most=14))]


def _scattered(shape: str, rng: Random) -> list[Stamp]:
    cells = [(col, row) for row in range(3) for col in range(3)]
    placed = []
    for col, row in rng.sample(cells, rng.randint(7, 9)):
        x, y = 0.18 + 0.32 * col + rng.uniform(-0.08, 0.08), 0.18 + 0.32 * row + rng.uniform(-0.08, 0.08)
        radius = rng.uniform(0.075, 0.14)
        placed.append(Stamp(shape, x, y, radius, rng.uniform(-60, 60), rng.random() < 0.5))
    return placed


def _grid(shape: str, rng: Random) -> list[Stamp]:
    count = rng.choice([3, 3, 4])
    step = 0.82 / count
    tilt = _tilt(shape, rng, most=6)
    return [
        Stamp(shape, 0.09 + step * (col + 0.5), 0.09 + step * (row + 0.5), step * 0.4, tilt)
        for row in range(count)
        for col in range(count)
    ]


def _diagonal(shape: str, rng: Random) -> list[Stamp]:
    rising = rng.random() < 0.5
    places = (0.16, 0.39, 0.62, 0.85)
    return [Stamp(shape, x, 1 - x if rising else x, 0.125, _tilt(shape, rng)) for x in places]


def _split(shape: str, rng: Random) -> list[Stamp]:
    return [Stamp(shape, 0.5, 0.5, rng.uniform(0.24, 0.28), _tilt(shape, rng, most=5))]


def _bordered(shape: str, rng: Random) -> list[Stamp]:
    return [Stamp(shape, 0.5, 0.5, rng.uniform(0.21, 0.25), _tilt(shape, rng, most=5))]


def _mirrored(shape: str, rng: Random) -> list[Stamp]:
    tilt, radius = rng.uniform(8, 24), rng.uniform(0.19, 0.22)
    return [Stamp(shape, 0.27, 0.5, radius, -tilt), Stamp(shape, 0.73, 0.5, radius, tilt, flip=True)]


def _concentric(shape: str, rng: Random) -> list[Stamp]:
    tilt = _tilt(shape, rng, most=5)
    return [Stamp(shape, 0.5, 0.5, radius, tilt) for radius in (0.46, 0.37, 0.28, 0.19, 0.1)]


_LAYOUTS: dict[str, Callable[[str, Random], list[Stamp]]] = {
    "centred": _centred,
    "minimalist": _minimalist,
    "close-up": _close_up,
    "scattered": _scattered,
    "grid": _grid,
    "diagonal": _diagonal,
    "split": _split,
    "bordered": _bordered,
    "mirrored": _mirrored,
    "concentric": _concentric,
}
