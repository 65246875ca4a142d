"""Fixtures of a real gateway and a real worker with decoder processes, over real Redis and PostgreSQL."""

from collections.abc import Iterator

import httpx
import pytest

from common.settings import Settings, load_settings
from local.gateway_and_worker import Service
from tests.integration.worker.conftest import StartWorker, catalog_url, make_worker_service, settings
from tests.polling import eventually
from tests.running_gateway import RunningGateway

__all__ = ["catalog_url", "make_worker_service", "settings"]

MAX_IMAGE_BYTES = 3 * 1024 * 1024
LIMITS = {"MAX_IMAGE_BYTES": str(MAX_IMAGE_BYTES), "JOB_DEADLINE_S": "60", "DEFAULT_WAIT_S": "60"}


@pytest.fixture
def worker(make_worker_service: StartWorker, request: pytest.FixtureRequest) -> Service:
    """A running worker with the limits and settings of a test."""
    service = make_worker_service(**LIMITS, **getattr(request, "param", {}))
    service.start()
    return service


@pytest.fixture
def client(settings: Settings, worker: Service) -> Iterator[httpx.Client]:
    """A client of a gateway that shares Redis and catalog with the worker."""
    assert settings.database_url is not None
    environ = {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "PORT": "0",
        **LIMITS,
    }
    running = RunningGateway(load_settings(environ), None)
    running.start()
    with running.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        yield client
    running.stop()
