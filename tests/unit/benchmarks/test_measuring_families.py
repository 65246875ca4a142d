from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure, failed_row, row_of
from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from benchmarks import __main__ as run
from benchmarks.all_benchmarks import Family

NAMES = ("worker.rss_mb", "worker.ready_s")


def test_both_sides_are_measured_alternately() -> None:
    calls: list[str] = []

    def ours() -> float:
        calls.append("a")
        return 2.0

    def theirs() -> float:
        calls.append("b")
        return 6.0

    compared = interleaved(ours, theirs, rounds=2)

    assert calls == ["a", "b"] * 3
    assert (compared.theirs_over_ours, compared.ours_over_theirs) == (3.0, 1 / 3)


def test_a_failed_family_keeps_measured_figures_and_misses_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(_bench: Bench) -> Iterator[Figure]:
        yield Figure("worker.rss_mb", 700.0, "")
        raise RuntimeError("the worker ended")

    monkeypatch.setattr(run, "FAMILIES", {"worker": Family(NAMES, measure)})

    rows = list(run.measured("worker", Bench(tmp_path, quick=True)))

    assert [row.value for row in rows] == [700.0, None]
    assert rows[1].met is False
    assert "the worker ended" in rows[1].note


def test_a_skipped_measurement_keeps_the_measured_row() -> None:
    measured = row_of(Figure("gpu.busy_share", 0.9, "one H200")).as_document()
    skipped = row_of(Figure("gpu.busy_share", None, "skipped: no CUDA device"))
    failed = failed_row("worker.ready_s", "the worker ended")

    rows = run.merged([measured], [skipped, failed])

    assert [(row["name"], row["note"]) for row in rows] == [
        ("worker.ready_s", "failed: the worker ended"),
        ("gpu.busy_share", "one H200"),
    ]


def test_a_measurement_that_was_never_made_is_shown_as_skipped() -> None:
    (row,) = run.merged([], [row_of(Figure("gpu.busy_share", None, "skipped: no CUDA device"))])

    assert row["note"] == "skipped: no CUDA device"


def test_a_figure_that_its_family_omits_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(_bench: Bench) -> Iterator[Figure]:
        yield Figure("worker.rss_mb", 700.0, "")

    monkeypatch.setattr(run, "FAMILIES", {"worker": Family(NAMES, measure)})

    with pytest.raises(AssertionError, match=r"worker\.ready_s"):
        list(run.measured("worker", Bench(tmp_path, quick=True)))
