"""`/health` reports the current problem of each part, without paths and passwords."""

from typing import Any

import pytest

from api.health_report import redact, why_no_worker
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
def test_the_reason_why_no_worker_is_ready_is_reported(workers: list[dict[str, Any]], reason: str) -> None:
    assert why_no_worker(load(*workers)) == reason


def test_the_latest_worker_error_is_reported() -> None:
    first, second = {"error": "model_unavailable: cut short"}, {"error": "model_mismatch: another model"}

    assert why_no_worker(load(first, second)) == "no worker is ready: model_mismatch: another model"


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("the weights in /home/me/models/clip lack a tensor", "the weights in …/clip lack a tensor"),
        ("('/root/.cache/x/config.json') cannot be read", "('…/config.json') cannot be read"),
        ("~/.cache/cover-search/entry is damaged", "…/entry is damaged"),
        ("CLIP_MODEL is ./models/demo", "CLIP_MODEL is ./models/demo"),
        ("openai/clip-vit-base-patch32 is not there", "openai/clip-vit-base-patch32 is not there"),
        ("apply catalog/schema/002_search.sql", "apply catalog/schema/002_search.sql"),
        ("GET /api/genres lists them", "GET /api/genres lists them"),
        ("https://x.supabase.co/rest/v1/rpc is 404", "https://x.supabase.co/rest/v1/rpc is 404"),
        ("postgresql://me:secret@db:5432/x is down", "postgresql://…@db:5432/x is down"),
        ("redis://:secret@redis:6379/0", "redis://…@redis:6379/0"),
        ("https://token@host/x.jpg is 404", "https://…@host/x.jpg is 404"),
        ("(https://host/x.jpg?token=abc&size=9) is 403", "(https://host/x.jpg?…) is 403"),
    ],
)
def test_paths_are_shortened_and_user_names_and_passwords_redacted(sentence: str, shown: str) -> None:
    assert redact(sentence) == shown
