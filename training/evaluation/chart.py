"""Draws an evaluation as an SVG bar chart with two bars, before and after, for each measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 920, 380, 60, 64, 34, 12
_BEFORE, _AFTER, _INK, _GRID = "#9aa7b4", "#2f6db3", "#1c2530", "#e3e8ec"


def svg(bars: Sequence[tuple[str, float, float]], *, title: str) -> Iterator[str]:
    """Yield the lines of the SVG; each of `bars` has a measure's name and its values before and after."""
    height = _TOP + _ROW * len(bars) + 14
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="12" y="22" font-size="15" fill="{_INK}">{escape(title)}</text>'
    yield from _key()
    yield from _grid(height)
    for number, (name, before, after) in enumerate(bars):
        y = _TOP + _ROW * number
        yield f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end" fill="{_INK}">{escape(name)}</text>'
        yield from _bar(before, y=y, colour=_BEFORE)
        yield from _bar(after, y=y + _BAR + 1, colour=_AFTER)
    yield "</svg>"


def _key() -> Iterator[str]:
    for x, name, colour in ((_LEFT, "before", _BEFORE), (_LEFT + 80, "after", _AFTER)):
        yield f'<rect x="{x}" y="34" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{x + 16}" y="44" fill="{_INK}">{name}</text>'


def _grid(height: int) -> Iterator[str]:
    for tenths in range(0, 11, 2):
        x = _x(tenths / 10)
        yield f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{height - 10}" stroke="{_GRID}"/>'


def _bar(share: float, *, y: int, colour: str) -> Iterator[str]:
    yield f'<rect x="{_LEFT}" y="{y}" width="{_x(share) - _LEFT:.1f}" height="{_BAR}" fill="{colour}"/>'
    yield f'<text x="{_x(share) + 5:.1f}" y="{y + 10}" font-size="10" fill="{_INK}">{share:.3f}</text>'


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
