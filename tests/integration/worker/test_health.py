"""Tests of the container's health check, `python -m worker.health`, with real workers."""

import subprocess
import sys

from common.settings import Settings
from tests.integration.worker.conftest import StartWorker
from tests.polling import eventually


def check(settings: Settings, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {"REDIS_URL": settings.redis_url.get_secret_value(), **environ}
    return subprocess.run(
        [sys.executable, "-m", "worker.health"], env=given, capture_output=True, text=True, check=False
    )


def test_the_health_check_passes_while_a_ready_worker_runs_on_the_host(
    make_worker_service: StartWorker, settings: Settings
) -> None:
    before = check(settings)
    service = make_worker_service()
    service.start()

    during = check(settings)

    assert before.returncode == 1
    assert "no worker" in before.stderr
    assert (during.returncode, during.stderr) == (0, "")


def test_the_health_check_fails_with_the_reason_of_a_model_error(
    make_worker_service: StartWorker, settings: Settings
) -> None:
    service = make_worker_service(waits=False, ENCODER="openvino", CLIP_MODEL="/no/such/folder")
    service.start()
    eventually(lambda: not service.running)

    refused = check(settings)

    assert refused.returncode == 1
    assert "/no/such/folder" in refused.stderr


def test_an_unreachable_queue_is_a_reason_without_a_traceback(settings: Settings) -> None:
    refused = check(settings, REDIS_URL="redis://127.0.0.1:1/0")

    assert refused.returncode == 1
    assert refused.stderr == "worker: the Redis at REDIS_URL does not answer (ConnectionError)\n"
