"""A real gateway on a thread of the test's process, so that tests can inspect its objects."""

import threading

import httpx

from api.__main__ import make_server
from api.lifespan import Gateway
from common.catalog.protocol import Catalog
from common.settings import Settings
from tests.polling import eventually

#: The number of seconds after which an unanswered request fails its test.
REQUEST_TIMEOUT_S = 20.0


class RunningGateway:
    """A running gateway with these settings; `catalog` replaces the catalog that the settings name."""

    def __init__(self, settings: Settings, catalog: Catalog | None) -> None:
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
        return httpx.Client(base_url=self.url, timeout=REQUEST_TIMEOUT_S, **options)  # type: ignore[arg-type]

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
