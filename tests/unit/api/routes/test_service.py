"""Live figures are null if Redis, or a process of another release, does not provide them."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.metrics.live_figures import LiveFigures
from api.metrics.request_figures import RequestFigures, figures_of
from api.metrics.store import SLOTS, Window
from api.routes.service import service_figures
from common.ledger.live_figures import Overview
from common.settings import load_settings

SETTINGS = load_settings({})
#: What workers announced before they announced versions, devices and rates.
OLD_WORKER = {"id": "5b1f", "host": "worker-1", "pid": 7, "model": "clip", "ready": True, "decoders": 2}


def overview(*workers: Mapping[str, Any], **changes: Any) -> Overview:
    fields: dict[str, Any] = {
        "queued": 0,
        "parked": 0,
        "running": 0,
        "queued_by_kind": {},
        "oldest_age_s": None,
        "oldest_parked_age_s": None,
        "service_rate": None,
        "image_bytes": 0,
        "shared_bytes": 0,
        "redis_used_bytes": None,
        "redis_max_bytes": None,
        "workers": workers,
    }
    return Overview(**(fields | changes))


def requests(*slots: Mapping[str, int], gateways: tuple[dict[str, Any], ...] = ()) -> RequestFigures:
    empty: list[Mapping[str, int]] = [{}] * (SLOTS - len(slots))
    return figures_of(Window(now_ms=1_700_000_000_000, slots=(*empty, *slots), gateways=gateways))


def document(
    *, of: Overview | None, requests: RequestFigures | None, problems: dict[str, str] | None = None
) -> dict[str, Any]:
    found = LiveFigures(overview=of, requests=requests, problems=problems or {})
    return service_figures(found, SETTINGS).model_dump()


def test_a_worker_of_an_earlier_release_has_null_for_what_it_does_not_announce() -> None:
    (worker,) = document(of=overview(OLD_WORKER), requests=None)["workers"]

    assert {name: worker[name] for name in OLD_WORKER} == OLD_WORKER
    unknown = {name for name, value in worker.items() if value is None}
    assert unknown >= {"version", "device", "encoder", "precision", "concurrency", "running", "runs_per_s"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 2), ("running", -1), ("runs_per_s", "fast"), ("decoders", [1]), ("ready", "perhaps")],
)
def test_a_field_of_another_type_is_null(field: str, value: object) -> None:
    (worker,) = document(of=overview({**OLD_WORKER, field: value}), requests=None)["workers"]

    assert worker[field] is None
    assert worker["host"] == "worker-1"


def test_the_error_of_a_worker_shows_no_paths() -> None:
    failed = {"id": "5b1f", "ready": False, "error": "the weights in /home/me/models/clip lack a tensor"}

    (worker,) = document(of=overview(failed), requests=None)["workers"]

    assert worker["error"] == "the weights in …/clip lack a tensor"


def test_every_kind_of_search_is_listed_also_without_queued_runs() -> None:
    queue = document(of=overview(queued=3, queued_by_kind={"text": 2, "identify": 1}), requests=None)["queue"]

    assert queue["depth_by_kind"] == {"text": 2, "image": 0, "composed": 0, "album": 0, "identify": 1}


def test_without_redis_every_part_is_null_and_the_problems_say_why() -> None:
    problems = {"queue": "the job queue does not answer (TimeoutError)"}

    found = document(of=None, requests=None, problems=problems)

    parts = ("time", "queue", "memory", "workers", "gateways", "requests", "cache")
    assert [found[part] for part in parts] == [None] * len(parts)
    assert found["problems"] == problems


def test_without_requests_the_percentiles_and_the_hit_ratio_are_null() -> None:
    found = document(of=overview(), requests=requests())

    assert found["requests"]["count"] == 0
    assert found["requests"]["duration_ms"] == {"p50": None, "p95": None, "p99": None}
    assert found["cache"] == {"hits": 0, "misses": 0, "coalesced": 0, "hit_ratio": None}
    assert 290 <= found["requests"]["window_s"] <= 300
    assert all(each["seconds"] > 0 for each in found["requests"]["intervals"])


def test_requests_without_a_route_have_the_route_null() -> None:
    found = document(of=None, requests=requests({"request GET - 4 20": 2, "request GET /livez 2 20": 3}))

    assert [(each["route"], each["count"]) for each in found["requests"]["by_route"]] == [
        ("/livez", 3),
        (None, 2),
    ]


def test_gateways_are_listed() -> None:
    gateway = {"id": "9c41", "host": "g1", "pid": 7, "version": "9.0", "started_at": "2025-01-31T09:00:00Z"}

    found = document(of=None, requests=requests(gateways=({**gateway, "new": 1},)))

    assert found["gateways"] == [gateway]
