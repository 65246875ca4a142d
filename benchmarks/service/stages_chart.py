"""Draw the chart of a query's time by stage, `docs/images/stages.svg`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.harness.benchmark_context import STATE
from benchmarks.paths import ROOT

IMAGE = ROOT / "docs" / "images" / "stages.svg"
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 860, 190, 70, 58, 46, 24
_COLOURS = {
    "http": "#7a8794",
    "queue": "#c9a227",
    "decode": "#3f8f5f",
    "embed": "#2f6db3",
    "search": "#b3502f",
}
_WORDS = {
    "http": "HTTP and gateway",
    "queue": "queue, batch, ledger",
    "decode": "decode",
    "embed": "embed",
    "search": "search",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One kind of query, and the duration of each stage in milliseconds."""

    label: str
    stages_ms: Mapping[str, float]


def write_stages(bars: Sequence[Bar], *, quick: bool) -> Path:
    """Write the chart to the documentation, or, in a quick run, to the state folder."""
    path = STATE / "stages.svg" if quick else IMAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(svg(bars)) + "\n", encoding="utf-8")
    return path


def svg(bars: Sequence[Bar]) -> Iterator[str]:
    """Yield the lines of the SVG; the bars of all queries have the same length."""
    height = _TOP + _ROW * len(bars) + 10
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">'
    )
    yield "<title>Where the time of one query goes, in milliseconds</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    title = "Where the time of one query goes (mean, ms)"
    yield f'<text x="12" y="22" font-size="15" fill="#1c2530">{title}</text>'
    x = float(_LEFT)
    for name, colour in _COLOURS.items():
        yield f'<rect x="{x:.0f}" y="32" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{x + 16:.0f}" y="42" fill="#1c2530">{_WORDS[name]}</text>'
        x += 34 + 6.6 * len(_WORDS[name])
    for number, bar in enumerate(bars):
        yield from _row(bar, y=_TOP + _ROW * number)
    yield "</svg>"


def _row(bar: Bar, *, y: int) -> Iterator[str]:
    total_ms = sum(bar.stages_ms.values())
    scale = (_WIDTH - _LEFT - _RIGHT) / total_ms
    yield f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end" fill="#1c2530">{escape(bar.label)}</text>'
    x = float(_LEFT)
    for name, spent_ms in bar.stages_ms.items():
        width = max(0.0, spent_ms) * scale
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{_COLOURS[name]}"/>'
        if width > 34:
            yield (
                f'<text x="{x + width / 2:.1f}" y="{y + 16}" text-anchor="middle" fill="#ffffff">'
                f"{spent_ms:.1f}</text>"
            )
        x += width
    yield f'<text x="{x + 8:.0f}" y="{y + 17}" fill="#1c2530">{total_ms:.1f}</text>'
