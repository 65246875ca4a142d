"""The report of an evaluation, as JSON, as a Markdown table, and as a chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from training.evaluation.chart import svg

REPORT = "evaluation.json"
TABLE = "evaluation.md"
PLOT = "evaluation.svg"


@dataclass(frozen=True, slots=True)
class Report:
    """The measures of an evaluation; all measures except `covers` are shares from 0 to 1."""

    covers: int
    caption_recall: dict[str, float]
    cover_recall: dict[str, float]
    precision_at_10: dict[str, float]
    #: The expected precision@10 of random answers.
    chance_at_10: dict[str, float]
    precision_by_word: dict[str, float]
    photo_recall_at_1: dict[str, float]
    #: The precision of queries for several attributes; each name contains the number of queries.
    precision_at_5: dict[str, float] = field(default_factory=dict)

    def rows(self) -> dict[str, float]:
        """Return a dictionary that maps each measure's name in the table to its value."""
        return {
            **{f"caption to cover, {name}": share for name, share in self.caption_recall.items()},
            **{f"cover to caption, {name}": share for name, share in self.cover_recall.items()},
            **{
                f"precision@10, {name} words (by chance {self.chance_at_10[name]:.2f})": share
                for name, share in self.precision_at_10.items()
            },
            **{f"precision@5, {name}": share for name, share in self.precision_at_5.items()},
            **{f"photo to cover, recall@1, {name}": share for name, share in self.photo_recall_at_1.items()},
        }


def table(report: Report, *, before: Report | None = None) -> str:
    """Return the report as a Markdown table, compared with an earlier report if there is one."""
    if before is None:
        return _markdown(
            ("measure", "value"), [(name, f"{share:.3f}") for name, share in report.rows().items()]
        )
    known = before.rows()
    cells = [
        (name, f"{known[name]:.3f}", f"{share:.3f}", f"{share - known[name]:+.3f}")
        for name, share in report.rows().items()
    ]
    return _markdown(("measure", "before", "after", "difference"), cells)


def write(report: Report, folder: Path, *, before: Report | None = None, title: str) -> None:
    """Write the measures as JSON; with an earlier report, also write the table and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = asdict(report) if before is None else {"before": asdict(before), "after": asdict(report)}
    (folder / REPORT).write_text(json.dumps(figures, indent=2) + "\n")
    if before is not None:
        (folder / TABLE).write_text(f"{title}.\n\n{table(report, before=before)}\n")
        bars = [(name, before.rows()[name], share) for name, share in report.rows().items()]
        (folder / PLOT).write_text("\n".join(svg(bars, title=title)) + "\n", encoding="utf-8")


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
