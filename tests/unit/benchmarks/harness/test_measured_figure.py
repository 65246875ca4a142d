import json

import pytest

from benchmarks.harness.measured_figure import Figure, failed_row, row_of
from benchmarks.harness.table import line

FIELDS = {"name", "value", "unit", "target", "met", "note"}


def test_a_bound_is_inclusive() -> None:
    assert row_of(Figure("worker.ready_s", 10.0, "")).met is True
    assert row_of(Figure("worker.ready_s", 10.1, "")).met is False
    assert row_of(Figure("cache.hit.rps_ratio", 0.79, "")).met is False
    assert row_of(Figure("stampede.embeddings", 2.0, "")).met is False


def test_rounding_does_not_make_a_figure_meet_its_bound() -> None:
    row = row_of(Figure("encoder.parity.cosine_min", 0.999896, ""))

    assert row.met is False
    assert row.value == 0.9999


def test_a_figure_must_meet_its_extra_condition_too() -> None:
    row = row_of(Figure("decode.12mp.speedup", 9.0, "", holds=False))

    assert row.met is False


def test_an_unmeasured_figure_is_neither_met_nor_missed() -> None:
    assert row_of(Figure("gpu.busy_share", None, "skipped: no CUDA device")).met is None


def test_a_failed_measurement_misses_its_target() -> None:
    row = failed_row("worker.ready_s", "ServerFailed: it ended")

    assert row.met is False
    assert row.value is None


@pytest.mark.parametrize("value", [1.0, None])
def test_a_row_is_a_json_object_of_the_agreed_fields(value: float | None) -> None:
    row = row_of(Figure("worker.ready_s", value, "a note"))

    document = json.loads(json.dumps(row.as_document()))

    assert set(document) == FIELDS
    assert (document["unit"], document["target"], document["note"]) == ("s", "<= 10", "a note")
    assert "worker.ready_s" in line(row)
