"""Keeps track of this process's requests that are waiting for a job; ledger events wake these requests.

The event at the end of a run contains the answer. A request that begins to wait after this event finds the
run among the recently ended runs, and reads the job from the ledger. A periodic check of the ledger finds the
jobs whose events were lost. A waiting request uses memory, but no thread and no connection to Redis.
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
#: An awaitable function that returns when the client has disconnected.
ClientGone: TypeAlias = Callable[[], Awaitable[None]]
_Waiter: TypeAlias = "asyncio.Future[RunAnswer | None]"

#: The number of ended runs to remember; a run's last event can arrive before the reply to `submit`.
REMEMBERED_RUNS = 10_000
#: The number of jobs to check with one script call, which blocks Redis for about a millisecond.
CHECK_BATCH = 500
CHECK_EVERY_S = 1.0


class ClientHungUp(Exception):
    """The client disconnected while its request was waiting, so nobody would read an answer."""


class Waiters:
    """Waiting requests, indexed by run and by job because a job can be canceled before its run ends."""

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
        """Tell whether any request streams the events of a run."""
        return run_id in self._watchers

    async def until_ended(
        self, run_id: str, job_id: str, *, timeout_s: float, client_gone: ClientGone
    ) -> RunAnswer | None:
        """Wait until the job or its run ends, for at most `timeout_s` seconds.

        Returns the answer if the event of a successful run contained it, or None if the caller has to read
        the job from the ledger.

        Raises:
            ClientHungUp: the client disconnected.
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
        # A stopping gateway cancels the future; the client then gets its job, and can poll another gateway.
        return ended.result() if ended.done() and not ended.cancelled() else None

    @contextmanager
    def watching(self, run_id: str) -> Iterator[asyncio.Event]:
        """Yield an asyncio event that is set at each change of the run's state and when the gateway stops."""
        event = asyncio.Event()
        self._watchers.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            _discard(self._watchers, run_id, event)

    def on_event(self, message: bytes) -> None:
        """Handle a ledger event about a run or a job."""
        event = read_event(message)
        for changed in self._watchers.get(event.name, ()):
            changed.set()
        if event.state.is_terminal:
            self._remember(event.name)
            if event.name in self._waiters:
                self._wake(event.name, event.answer())

    async def check_ledger(self) -> None:
        """Read every awaited job from the ledger, because a job's event may have been lost."""
        log.debug("checked waiters", extra={"waiters": len(self), "watched": len(self._watchers)})
        job_ids = [name.removeprefix(keyspace.JOB) for name in self._waiters if name.startswith(keyspace.JOB)]
        for start in range(0, len(job_ids), CHECK_BATCH):
            for job_id in await self._ledger.ended(job_ids[start : start + CHECK_BATCH]):
                self._wake(keyspace.JOB + job_id)

    def close(self) -> None:
        """Wake all waiting requests when the gateway stops; each request is then answered with its job."""
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
