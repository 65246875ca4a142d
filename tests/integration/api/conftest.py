"""A real gateway on a free port over the real Redis, with stand-ins for worker and catalog."""

import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from redis import Redis

from api.__main__ import make_server
from api.runtime import Gateway
from common.redis.clients import open_redis
from common.settings import Settings, load_settings
from local.servers.redis import RedisServer
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker

DEADLINE_S = 20.0


def eventually(met: Callable[[], bool], *, within_s: float = DEADLINE_S) -> None:
    """Wait until a condition is met; fail when it is not met in time."""
    deadline = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)


class RunningGateway:
    """A gateway under uvicorn in its own thread."""

    def __init__(self, settings: Settings, catalog: MemoryCatalog | None) -> None:
        self._server = make_server(settings, catalog=catalog)
        self._thread = threading.Thread(target=self._server.run)

    @property
    def url(self) -> str:
        host, port = self._server.servers[0].sockets[0].getsockname()
        return f"http://{host}:{port}"

    @property
    def gateway(self) -> Gateway:
        gateway = self._server.gateway
        assert gateway is not None
        return gateway

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=DEADLINE_S, **options)  # type: ignore[arg-type]

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


StartGateway = Callable[..., RunningGateway]


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    with open_redis(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def start_gateway(redis: Redis, redis_server: RedisServer, catalog: MemoryCatalog) -> Iterator[StartGateway]:
    """Start gateways, each with its own settings; stop them at the end."""
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
    """A gateway that knows the catalog's version, with a running worker."""
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
