"""The Markdown table shortens a figure's note, and results.json keeps the whole note."""

import json
from dataclasses import replace

from benchmarks.__main__ import of_cpu_and_gpu
from benchmarks.harness.docs_section import shown
from benchmarks.harness.measured_figure import Figure, row_of
from benchmarks.harness.table import line, table
from tests.paths import ROOT

RECALL = "catalog.recall.15000.no_filter"


def markdown_of(figure: Figure) -> str:
    return table([row_of(figure).as_document()]).splitlines()[-1]


def test_query_plans_and_the_condition_of_the_target_are_left_out() -> None:
    note = "worst of 4 cases, always k rows; p50 <= 19 ms; 11 of 20: Seq Scan; 9 of 20: Index Scan"

    shown = markdown_of(Figure(RECALL, 1.0, note))

    assert shown == f"| `{RECALL}` | 1 share | >= 0.99, always k rows | worst of 4 cases; p50 <= 19 ms |"


def test_a_condition_that_failed_is_shown() -> None:
    note = "worst of 4 cases, NOT always k rows; p50 <= 19 ms"

    shown = markdown_of(Figure(RECALL, 1.0, note, holds=False))

    assert shown == f"| `{RECALL}` | 1 share | **missed:** >= 0.99, always k rows | {note} |"


def test_a_figure_of_a_busy_machine_says_so() -> None:
    row = replace(row_of(Figure(RECALL, 1.0, "p50 <= 19 ms; 11 of 20: Seq Scan")), beside_other_work=True)

    (shown,) = table([row.as_document()]).splitlines()[2:]

    assert shown.endswith("| p50 <= 19 ms; measured beside other work |")
    assert line(row).endswith("Seq Scan; measured beside other work")


def test_the_documents_show_the_recorded_figures() -> None:
    on_cpu, on_gpu = of_cpu_and_gpu(json.loads((ROOT / "benchmarks" / "results.json").read_text()))

    _, _, figures = shown(ROOT / "docs" / "performance.md", "speed").partition("\n\n")

    assert figures == table(on_cpu)
    assert shown(ROOT / "docs" / "gpu.md", "gpu") == table(on_gpu)


def test_an_unmeasured_figure_has_no_value_and_is_not_missed() -> None:
    shown = markdown_of(Figure("gpu.busy_share", None, "skipped: no CUDA device"))

    assert shown == "| `gpu.busy_share` |  | >= 0.85 | skipped: no CUDA device |"
