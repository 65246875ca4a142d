"""Fixtures of a real gateway and a real Redis, with stand-ins for worker and catalog."""

from collections.abc import Callable, Iterator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from redis import Redis

from common.settings import load_settings
from local.servers.redis import RedisServer
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

StartGateway = Callable[..., RunningGateway]


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog()


@pytest.fixture
def start_gateway(redis: Redis, redis_server: RedisServer, catalog: MemoryCatalog) -> Iterator[StartGateway]:
    """Return a function that starts a gateway with the given settings; stop all gateways at the end."""
    started: list[RunningGateway] = []

    def start(**environ: str) -> RunningGateway:
        running = RunningGateway(
            load_settings({"REDIS_URL": redis_server.url, "PORT": "0", **environ}), catalog
        )
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def worker(redis: Redis, redis_server: RedisServer, catalog: MemoryCatalog) -> Iterator[StandInWorker]:
    stand_in = StandInWorker(load_settings({"REDIS_URL": redis_server.url}), catalog)
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def gateway(start_gateway: StartGateway, worker: StandInWorker) -> RunningGateway:
    """A gateway that has read the catalog's version, and whose stand-in worker is running."""
    running = start_gateway()
    with running.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
    eventually(lambda: running.gateway.version.is_known)
    return running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with gateway.client() as client:
        yield client


@pytest.fixture(scope="session")
def cover() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    return file.getvalue()
