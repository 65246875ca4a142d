"""The gateway's entry point, `python -m api`, which reads its settings from environment variables."""

import gc
import os
import socket
import sys
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.access.bind_address import check_bind_address
from api.app import create_app
from api.http.connection.pipeline_scheduler import PipelineScheduler
from api.http.connection.uvicorn_protocol import GuardedProtocol
from api.lifespan import Gateway
from common.catalog.protocol import Catalog
from common.errors import SettingsError
from common.logs import configure_logging
from common.processes.stdout_to_log import capture_output
from common.redis.startup_check import check_redis
from common.settings import Settings, load_settings

#: The maximum number of connections that the kernel queues before the server accepts them.
BACKLOG = 4096
KEEP_ALIVE_S = 75
#: The maximum number of unsent bytes that the kernel buffers per connection (by default four megabytes).
UNSENT_BYTES = 128 * 1024
#: The maximum number of seconds for which a gateway finishes requests after a stop signal.
STOP_GRACE_S = 10


class GatewayServer(uvicorn.Server):
    """A uvicorn server that answers each waiting search with the search's job when a stop signal arrives."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in (listener for server in self.servers for listener in server.sockets):
            _limit_unsent(listener)
        # Without `gc.freeze`, each full garbage collection would scan all objects created at startup and
        # block every request for 0.1 s.
        gc.collect()
        gc.freeze()

    @property
    def gateway(self) -> Gateway | None:
        """The application's open clients and state; None before the application has started."""
        return getattr(self._app.state, "gateway", None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if (gateway := self.gateway) is not None:
            gateway.close_soon()
        super().handle_exit(sig, frame)


def _limit_unsent(listener: socket.socket) -> None:
    """Limit the unsent bytes that the kernel buffers for each connection accepted by this listener."""
    if sys.platform in {"linux", "darwin"}:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def make_server(settings: Settings, *, catalog: Catalog | None = None) -> GatewayServer:
    """Return the gateway's server without starting it.

    Raises:
        SettingsError: there is no catalog, or other machines could search without a key.
    """
    check_bind_address(settings)
    app = create_app(settings, catalog=catalog)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=partial(GuardedProtocol, scheduler=PipelineScheduler()),  # type: ignore[arg-type]  # uvicorn calls it like a class
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_GRACE_S,
    )
    return GatewayServer(config, app)


def main() -> int:
    """Run one gateway and return its exit status."""
    try:
        settings = load_settings(os.environ)
        configure_logging("gateway", settings.log_level)
        server = make_server(settings)
        check_redis(settings)
    except SettingsError as error:
        sys.stderr.write(f"gateway: {error.detail}\n")
        return 2
    # After startup, text that libraries print is logged instead of going to the terminal.
    capture_output(lambda stream: configure_logging("gateway", settings.log_level, stream=stream))
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
