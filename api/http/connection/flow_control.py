"""Flow control of a connection, which pauses reading and detects slow and disconnected clients."""

import asyncio
import logging
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl

log = logging.getLogger(__name__)

#: The seconds after which a client that reads nothing is disconnected (like nginx's send_timeout).
SEND_TIMEOUT_S = 60.0
#: The seconds between the interim responses that detect whether a client that has closed its sending side is
#: still connected.
PROBE_EVERY_S = 1.0
PROBES = 2

#: Writing to a connection pauses while more than this number of bytes are buffered.
AHEAD_BYTES = 16 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class OneShotTimer:
    """A one-shot timer that can be stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._timer is not None

    def start(self, delay_s: float) -> None:
        """Start the timer unless it is already running."""
        if self._timer is None:
            self._timer = self._loop.call_later(delay_s, self._fire)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._callback()


class ConnectionFlow(FlowControl):
    """Flow control of one connection in both directions."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport)
        transport.set_write_buffer_limits(high=AHEAD_BYTES)
        self.is_held = False
        self._unsent_bytes = 0
        self._send_timer = OneShotTimer(loop, self._on_unsent)
        self._probe_timer = OneShotTimer(loop, self._probe)
        self._probes_left = PROBES
        self._takes_interim_answers: Callable[[], bool] = bool

    def hold(self) -> None:
        """Pause reading until `release` is called, even if uvicorn resumes reading."""
        self.is_held = True
        self.pause_reading()

    def release(self) -> None:
        """Resume reading."""
        self.is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.watch_sending()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_timer.stop()

    def watch_sending(self) -> None:
        """Disconnect the client if it reads nothing for SEND_TIMEOUT_S."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._send_timer.start(SEND_TIMEOUT_S)

    def probe(self, takes_interim_answers: Callable[[], bool]) -> None:
        """Detect whether a client that has closed its sending side still waits for an answer.

        A waiting client ignores interim responses (RFC 9110, 15.2). A client that has disconnected resets the
        connection at the first interim response, so writing the second interim response fails.
        """
        self._takes_interim_answers = takes_interim_answers
        self._probe_timer.start(PROBE_EVERY_S)

    def stop(self) -> None:
        """Stop both timers after the connection has ended."""
        self._send_timer.stop()
        self._probe_timer.stop()

    def _probe(self) -> None:
        if self._takes_interim_answers() and not self._transport.is_closing():
            self._transport.write(_CONTINUE)
        self._probes_left -= 1
        if self._probes_left:
            self._probe_timer.start(PROBE_EVERY_S)

    def _on_unsent(self) -> None:
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes and unsent_bytes >= self._unsent_bytes:
            log.info("disconnected a client that does not read", extra={"unsent_bytes": unsent_bytes})
            self._transport.abort()
        elif unsent_bytes:
            self.watch_sending()
