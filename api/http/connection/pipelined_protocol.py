"""uvicorn's HTTP/1.1 protocol, which starts pipelined requests through a scheduler."""

from functools import partial
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.http.connection.pipeline_scheduler import PipelineScheduler


class PipelinedProtocol(HttpToolsProtocol):
    """The protocol of one connection, which answers pipelined requests one after another."""

    __slots__ = ("_answering", "_goes_on", "_scheduler")

    def __init__(self, *args: Any, scheduler: PipelineScheduler, **options: Any) -> None:
        super().__init__(*args, **options)
        self._scheduler = scheduler
        #: The request that is being answered, or the request that was answered last.
        self._answering: RequestResponseCycle | None = None
        #: Whether uvicorn is now starting the next pipelined request.
        self._goes_on = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            # uvicorn signals the disconnect to the request received last, not to the request being answered.
            disconnect(self._answering)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._goes_on = True
        super().on_response_complete()
        self._goes_on = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        if self._goes_on:
            self._scheduler.schedule(partial(self._start, cycle, app), self.loop)
        else:
            super()._start_asgi_task(cycle, app)

    def _start(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if not cycle.disconnected:
            super()._start_asgi_task(cycle, app)

    def _is_busy(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _takes_interim_answers(self) -> bool:
        cycle = self._answering
        if cycle is None or cycle.response_started:
            return False
        return cycle.scope["http_version"] == "1.1"


def disconnect(cycle: RequestResponseCycle) -> None:
    """Signal to the application that the client of a request has disconnected."""
    cycle.disconnected = True
    cycle.message_event.set()
