"""Who in this process waits for which job and its run: a dictionary, fed by the ledger's events.

The event that ends a wait carries the answer. A waiter that comes after its event finds the run among the
last that ended, and a periodic check of the ledger catches lost events; both then ask the ledger. A waiter
costs memory and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from common.ledger.gateway import GatewayLedger
from common.ledger.records import RunAnswer, read_event
from common.redis import keyspace

log = logging.getLogger(__name__)

T = TypeVar("T")
#: Ends once the client has hung up.
ClientGone: TypeAlias = Callable[[], Awaitable[None]]
_Waiter: TypeAlias = "asyncio.Future[RunAnswer | None]"

#: Runs whose end is remembered: those of the seconds in which a submit's answer is on its way.
REMEMBERED_RUNS = 10_000
#: Jobs looked at in one script: Redis does nothing else meanwhile (about a millisecond).
LOOK_BATCH = 500
LOOK_EVERY_S = 1.0


class ClientHungUp(Exception):
    """The client hung up while it waited; nobody reads an answer."""


class Waiters:
    """Waiters by the run that they wait for, and by their own job, which may be canceled before."""

    def __init__(self, ledger: GatewayLedger) -> None:
        self._ledger = ledger
        self._waiters: dict[str, set[_Waiter]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._ended: dict[str, None] = {}
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        return sum(len(waiters) for name, waiters in self._waiters.items() if name.startswith(keyspace.JOB))

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def is_watched(self, run_id: str) -> bool:
        """Tell whether somebody follows the run's events."""
        return run_id in self._watchers

    async def until_ended(
        self, run_id: str, job_id: str, *, timeout_s: float, client_gone: ClientGone
    ) -> RunAnswer | None:
        """Wait until the job has ended, alone or with its run, or the time is up.

        Returns what the run succeeded with where its event said so; None where the ledger is to be asked.

        Raises:
            ClientHungUp: nobody waits here any more.
        """
        if run_id in self._ended or timeout_s <= 0 or self.is_closed:
            return None
        gone = asyncio.ensure_future(client_gone())
        with self._waiting(run_id, keyspace.JOB + job_id) as ended:
            try:
                either: set[asyncio.Future[Any]] = {ended, gone}
                await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
        if gone.done() and not ended.done():
            raise ClientHungUp
        # Where the gateway closes, the future is cancelled: the client gets its job to poll.
        return ended.result() if ended.done() and not ended.cancelled() else None

    @contextmanager
    def watching(self, run_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set with each change of the run's state, and when the gateway closes."""
        event = asyncio.Event()
        self._watchers.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            _discard(self._watchers, run_id, event)

    def on_event(self, message: bytes) -> None:
        """Hear one event of the ledger."""
        event = read_event(message)
        for changed in self._watchers.get(event.name, ()):
            changed.set()
        if event.state.is_terminal:
            self._remember(event.name)
            if event.name in self._waiters:
                self._wake(event.name, event.answer())

    async def look(self) -> None:
        """Ask the ledger for every job that is waited for: an event may have been lost."""
        log.debug("looked after waiters", extra={"waiters": len(self), "watched": len(self._watchers)})
        job_ids = [name.removeprefix(keyspace.JOB) for name in self._waiters if name.startswith(keyspace.JOB)]
        for start in range(0, len(job_ids), LOOK_BATCH):
            for job_id in await self._ledger.ended(job_ids[start : start + LOOK_BATCH]):
                self._wake(keyspace.JOB + job_id)

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
    def _waiting(self, *names: str) -> "Iterator[_Waiter]":
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        for name in names:
            self._waiters.setdefault(name, set()).add(waiter)
        try:
            yield waiter
        finally:
            for name in names:
                _discard(self._waiters, name, waiter)

    def _wake(self, name: str, answer: RunAnswer | None = None) -> None:
        for waiter in self._waiters.get(name, ()):
            if not waiter.done():
                waiter.set_result(answer)

    def _remember(self, name: str) -> None:
        self._ended[name] = None
        if len(self._ended) > REMEMBERED_RUNS:
            del self._ended[next(iter(self._ended))]


def _discard(table: dict[str, set[T]], name: str, entry: T) -> None:
    entries = table[name]
    entries.discard(entry)
    if not entries:
        del table[name]
