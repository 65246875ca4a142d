"""What a connection reads and writes: reading that can be held, clients that do not read or have gone."""

import asyncio
import logging
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl

log = logging.getLogger(__name__)

#: How long a client may take nothing of what is ready for it (nginx's send_timeout).
SEND_TIMEOUT_S = 60.0
#: How long after a client has shut its side interim answers are written, to see whether it has gone.
PROBE_EVERY_S = 1.0
PROBES = 2

#: How much is written ahead of a client: a small answer of orjson's holds four kilobytes while it waits.
AHEAD_BYTES = 16 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Alarm:
    """Calls back once after a time, unless it is stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._timer is not None

    def start(self, delay_s: float) -> None:
        """Call back after a time; one that is set already stays as it is."""
        if self._timer is None:
            self._timer = self._loop.call_later(delay_s, self._ring)

    def stop(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._callback()


class ConnectionFlow(FlowControl):
    """The flow of one connection in both directions."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport)
        transport.set_write_buffer_limits(high=AHEAD_BYTES)
        self.is_held = False
        self._unsent_bytes = 0
        self._send_alarm = Alarm(loop, self._on_unsent)
        self._probe_alarm = Alarm(loop, self._probe)
        self._probes_left = PROBES
        self._takes_interim_answers: Callable[[], bool] = bool

    def hold(self) -> None:
        """Read nothing until `release`, whoever asks for more."""
        self.is_held = True
        self.pause_reading()

    def release(self) -> None:
        """Read again."""
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
        self._send_alarm.stop()

    def watch_sending(self) -> None:
        """Give the client up if it takes nothing of what is ready for it."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._send_alarm.start(SEND_TIMEOUT_S)

    def probe(self, takes_interim_answers: Callable[[], bool]) -> None:
        """See whether a client that has shut its side still waits.

        One that has gone resets the connection at the first interim answer, and the second one fails; one
        that waits ignores them (RFC 9110, 15.2).
        """
        self._takes_interim_answers = takes_interim_answers
        self._probe_alarm.start(PROBE_EVERY_S)

    def stop(self) -> None:
        """Watch no more: the connection has ended."""
        self._send_alarm.stop()
        self._probe_alarm.stop()

    def _probe(self) -> None:
        if self._takes_interim_answers() and not self._transport.is_closing():
            self._transport.write(_CONTINUE)
        self._probes_left -= 1
        if self._probes_left:
            self._probe_alarm.start(PROBE_EVERY_S)

    def _on_unsent(self) -> None:
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes and unsent_bytes >= self._unsent_bytes:
            log.info("gave up a client that does not read", extra={"unsent_bytes": unsent_bytes})
            self._transport.abort()
        elif unsent_bytes:
            self.watch_sending()
