"""Why searches cannot be answered, in the words of what is wrong now."""

from typing import Any

import pytest

from api.search.health import why_no_worker
from common.ledger.records import Load


def load(*workers: dict[str, Any]) -> Load:
    return Load(queued=0, running=0, oldest_age_ms=0, held_image_bytes=0, retry_after_s=1, workers=workers)


@pytest.mark.parametrize(
    ("workers", "reason"),
    [
        ([], "no worker is alive"),
        ([{"ready": False}], "a worker is loading its model"),
        ([{"error": "model_unavailable: cut short"}], "no worker is ready: model_unavailable: cut short"),
    ],
)
def test_a_service_without_a_ready_worker_says_why(workers: list[dict[str, Any]], reason: str) -> None:
    assert why_no_worker(load(*workers)) == reason


def test_an_operator_who_has_mended_one_thing_reads_of_the_next() -> None:
    first, second = {"error": "model_unavailable: cut short"}, {"error": "model_mismatch: another model"}

    assert why_no_worker(load(first, second)) == "no worker is ready: model_mismatch: another model"
