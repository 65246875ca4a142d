"""Who in this process waits for which run: a dictionary, fed by the ledger's events.

A waiter that comes after its event is told from the last events; one whose event was lost is told
by a look at the ledger each second. A waiter costs memory and nothing else.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from common.jobs import TERMINAL_STATES
from common.ledger.gateway import GatewayLedger

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Runs whose end is remembered: those of the seconds in which a submit's answer is on its way.
REMEMBERED_RUNS = 10_000
#: Runs looked at in one script: Redis does nothing else meanwhile (about a millisecond).
LOOK_BATCH = 500
LOOK_EVERY_S = 1.0

TERMINAL_WORDS = frozenset(state.value for state in TERMINAL_STATES)


class Waiting:
    """Waiters by run id."""

    def __init__(self, ledger: GatewayLedger) -> None:
        self._ledger = ledger
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._ended: dict[str, None] = {}
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        return sum(len(waiters) for waiters in self._waiters.values())

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def is_watched(self, run_id: str) -> bool:
        """Tell whether somebody follows the run's events."""
        return run_id in self._watchers

    async def until_ended(self, run_id: str, *, timeout_s: float, request: Request) -> bool:
        """Return True as soon as the run has ended, False when the time is up.

        Raises:
            ClientDisconnect: the client hung up; nobody waits here any more.
        """
        if run_id in self._ended:
            return True
        if timeout_s <= 0 or self.is_closed:
            return False
        gone = asyncio.ensure_future(_disconnected(request))
        with self._waiting(run_id) as ended:
            try:
                await asyncio.wait({ended, gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
        if gone.done() and not ended.done():
            raise ClientDisconnect
        # Where the gateway closes, the future is cancelled: the client gets its job to poll.
        return ended.done() and not ended.cancelled()

    @contextmanager
    def watching(self, run_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set with each change of the run's state, and when the gateway closes."""
        event = asyncio.Event()
        self._watchers.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            _discard(self._watchers, run_id, event)

    def on_event(self, message: str) -> None:
        """Hear one event of the ledger, `<run id> <state>`."""
        run_id, _, state = message.partition(" ")
        for event in self._watchers.get(run_id, ()):
            event.set()
        if state in TERMINAL_WORDS:
            self._remember(run_id)
            self._wake(run_id)

    async def look(self) -> None:
        """Ask the ledger for every run that is waited for: an event may have been lost."""
        log.debug("looked after waiters", extra={"waiters": len(self), "watched": len(self._watchers)})
        run_ids = [*self._waiters]
        for start in range(0, len(run_ids), LOOK_BATCH):
            for run_id in await self._ledger.ended(run_ids[start : start + LOOK_BATCH]):
                self._wake(run_id)

    def close(self) -> None:
        """Send every waiter away with its job, because the gateway stops."""
        self._closed.set()
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.cancel()
        for watchers in self._watchers.values():
            for event in watchers:
                event.set()

    @contextmanager
    def _waiting(self, run_id: str) -> Iterator[asyncio.Future[None]]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(run_id, set()).add(waiter)
        try:
            yield waiter
        finally:
            _discard(self._waiters, run_id, waiter)

    def _wake(self, run_id: str) -> None:
        for waiter in self._waiters.get(run_id, ()):
            if not waiter.done():
                waiter.set_result(None)

    def _remember(self, run_id: str) -> None:
        self._ended[run_id] = None
        if len(self._ended) > REMEMBERED_RUNS:
            del self._ended[next(iter(self._ended))]


async def _disconnected(request: Request) -> None:
    # The body has been read; what still comes from the client can only be that it hangs up.
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _discard(table: dict[str, set[T]], run_id: str, entry: T) -> None:
    entries = table[run_id]
    entries.discard(entry)
    if not entries:
        del table[run_id]
