"""The fair queue for decoders: the waiting client with the lowest accumulated cost is served next.

A caller states the expected cost, and corrects it when the actual cost is known.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): each client's served requests are added up by cost. A
new or returning client starts with the cost of the client served last, so that idle time gives no advantage.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: Maximum number of clients whose accumulated cost is stored while they do not wait.
_CLIENTS_MAX = 1000


class TurnedAway(Exception):
    """The caller's client was turned away while it waited."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """One waiting caller."""

    cost: float
    given: T | None = None
    is_turned_away: bool = False
    #: Set when the caller got an item or is turned away.
    is_decided: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Client(Generic[T]):
    #: Accumulated cost (the virtual time of start-time fair queueing).
    spent: float
    waiting: deque[_Waiting[T]] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Lends items to callers, fairly among clients; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[T] = deque()
        #: Clients that wait, and clients whose accumulated cost is above that of a new client.
        self._clients: dict[str, _Client[T]] = {}
        #: Accumulated cost of the client served last, before that request; new clients start with it.
        self._start = 0.0

    @property
    def idle(self) -> int:
        """Return the number of items that nobody uses."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Return the number of callers that wait."""
        with self._lock:
            return sum(len(client.waiting) for client in self._clients.values())

    def give(self, item: T) -> None:
        """Add an item, or return one; it goes to the next waiting client."""
        with self._lock:
            self._idle.append(item)
            self._serve()

    def take(self, client: str, *, cost: float, until: float) -> T | None:
        """Wait for an item until the `time.monotonic` value `until`; return None if none became free.

        Raises:
            TurnedAway: `turn_away` was called for this client.
        """
        waiting: _Waiting[T] = _Waiting(cost)
        with self._lock:
            known = self._clients.setdefault(client, _Client(self._start))
            if not known.waiting:
                known.spent = max(known.spent, self._start)
            known.waiting.append(waiting)
            self._serve()
        if not waiting.is_decided.wait(max(until - time.monotonic(), 0)):
            with self._lock:
                if not waiting.is_decided.is_set():
                    known.waiting.remove(waiting)
                    self._forget()
        if waiting.is_turned_away:
            raise TurnedAway
        return waiting.given

    def correct(self, client: str, *, difference: float) -> None:
        """Add the difference between a served request's actual and expected cost; it may be negative."""
        with self._lock:
            known = self._clients.setdefault(client, _Client(self._start))
            known.spent += difference
            self._forget()

    def turn_away(self, client: str) -> None:
        """End the waiting of a client's callers."""
        with self._lock:
            known = self._clients.get(client)
            while known is not None and known.waiting:
                waiting = known.waiting.popleft()
                waiting.is_turned_away = True
                waiting.is_decided.set()
            self._forget()

    def _serve(self) -> None:
        while self._idle and (nexts := [c for c in self._clients.values() if c.waiting]):
            client = min(nexts, key=lambda each: each.spent)
            self._start = max(self._start, client.spent)
            waiting = client.waiting.popleft()
            client.spent += waiting.cost
            waiting.given = self._idle.popleft()
            waiting.is_decided.set()
        self._forget()

    def _forget(self) -> None:
        """Drop clients that do not wait, unless their accumulated cost still matters.

        It does not matter if it is no higher than a new client's, or if items are idle.
        """
        is_idle = bool(self._idle) or len(self._clients) > _CLIENTS_MAX
        self._clients = {
            name: client
            for name, client in self._clients.items()
            if client.waiting or (client.spent > self._start and not is_idle)
        }
