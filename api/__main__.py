"""Run a gateway: `python -m api`, configured by the environment (README.md, "Settings")."""

import gc
import os
import socket
import sys
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.access.exposure import check_exposure
from api.app import create_app
from api.http.connection.protocol import GuardedProtocol
from api.http.connection.turns import Turns
from api.runtime import Gateway
from common.catalog.protocol import Catalog
from common.errors import SettingsError
from common.logs import configure_logging
from common.redis.startup_check import check_redis
from common.settings import Settings, load_settings
from common.stray_output import capture_output

#: Connections that the kernel holds until they are taken.
BACKLOG = 4096
KEEP_ALIVE_S = 75
#: What the kernel takes of an answer before its client reads; by default it takes four megabytes.
UNSENT_BYTES = 128 * 1024
#: After a signal: waiting requests are sent away with their job at once, others have this long.
STOP_GRACE_S = 10


class GatewayServer(uvicorn.Server):
    """A server that lets go of its waiting requests when it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in (listener for server in self.servers for listener in server.sockets):
            _limit_unsent(listener)
        # What has been made by now stays: a full collection that walks over all of it stops every request
        # for 0.1 s, and is the tail of a cached answer.
        gc.collect()
        gc.freeze()

    @property
    def gateway(self) -> Gateway | None:
        """What the application holds open, None before it has started."""
        return getattr(self._app.state, "gateway", None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if (gateway := self.gateway) is not None:
            gateway.close_soon()
        super().handle_exit(sig, frame)


def _limit_unsent(listener: socket.socket) -> None:
    """Bound what the connections of a listener have in the kernel; they inherit it."""
    if sys.platform in {"linux", "darwin"}:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def make_server(settings: Settings, *, catalog: Catalog | None = None) -> GatewayServer:
    """Return the server of the gateway, not started.

    Raises:
        SettingsError: no catalog is set and none was given, or the gateway would be open to all.
    """
    check_exposure(settings)
    app = create_app(settings, catalog=catalog)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=partial(GuardedProtocol, turns=Turns()),  # type: ignore[arg-type]  # it is called like a class
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
    """Return the exit status of one gateway's life."""
    try:
        settings = load_settings(os.environ)
        configure_logging("gateway", settings.log_level)
        server = make_server(settings)
        check_redis(settings)
    except SettingsError as error:
        sys.stderr.write(f"gateway: {error.detail}\n")
        return 2
    # What was said until here is for whoever has started it.
    capture_output(lambda stream: configure_logging("gateway", settings.log_level, stream=stream))
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
