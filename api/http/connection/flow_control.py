"""Flow control of a connection: paused reading, and detection of slow and of disconnected clients."""

import asyncio
import logging
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl

log = logging.getLogger(__name__)

#: A client that reads nothing for this long is disconnected (like nginx's send_timeout).
SEND_TIMEOUT_S = 60.0
#: After a client has shut its side, an interim response is written at this interval to detect whether it
#: has disconnected.
PROBE_EVERY_S = 1.0
PROBES = 2

#: Bytes buffered for each connection before writing pauses.
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
        """Start the timer; a running timer is left unchanged."""
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
        """Pause reading until `release`, even if uvicorn resumes it."""
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
        """Detect whether a client that has shut its side still waits for an answer.

        A waiting client ignores interim responses (RFC 9110, 15.2). A client that has disconnected resets
        the connection at the first one, so writing the second one fails.
        """
        self._takes_interim_answers = takes_interim_answers
        self._probe_timer.start(PROBE_EVERY_S)

    def stop(self) -> None:
        """Stop the timers when the connection has ended."""
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
