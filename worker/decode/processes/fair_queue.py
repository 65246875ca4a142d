"""The fair queue for decoders: the waiting client with the lowest accumulated cost is served next.

A caller states the expected cost of a request, and corrects the cost when the actual cost is known.

The algorithm is start-time fair queueing (Goyal, Vin and Cheng, 1996): a client's accumulated cost is the sum
of the costs of its served requests. A new or returning client starts with the accumulated cost of the client
that was served last, so that idle time gives no advantage.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: The maximum number of clients whose accumulated cost is stored while they do not wait.
_CLIENTS_MAX = 1000


class TurnedAway(Exception):
    """The caller's wait was ended, because another image of its client took longer than estimated."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """A caller that waits for an item."""

    cost: float
    given: T | None = None
    is_turned_away: bool = False
    #: Set when the caller has got an item or is turned away.
    is_decided: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Client(Generic[T]):
    #: The client's accumulated cost (the virtual time of start-time fair queueing).
    spent: float
    waiting: deque[_Waiting[T]] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Lends items to callers, fairly among clients; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[T] = deque()
        #: The clients that wait, and the clients with a higher accumulated cost than a new client has.
        self._clients: dict[str, _Client[T]] = {}
        #: The initial accumulated cost of a new client: the cost of the client served last, before its
        #: request.
        self._start = 0.0

    @property
    def idle(self) -> int:
        """Return the number of items that no caller uses."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Return the number of callers that wait."""
        with self._lock:
            return sum(len(client.waiting) for client in self._clients.values())

    def give(self, item: T) -> None:
        """Add a new item or return a taken item; the next waiting client gets it."""
        with self._lock:
            self._idle.append(item)
            self._serve()

    def take(self, client: str, *, cost: float, until: float) -> T | None:
        """Return an item as soon as one is free, or None at the `time.monotonic` value `until`.

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
        """Add a difference (actual minus expected cost of a request) to a client's accumulated cost."""
        with self._lock:
            known = self._clients.setdefault(client, _Client(self._start))
            known.spent += difference
            self._forget()

    def turn_away(self, client: str) -> None:
        """Make `take` raise `TurnedAway` in all waiting callers of a client."""
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
        """Remove clients that do not wait, unless their accumulated cost still matters.

        A client's accumulated cost matters if it is higher than a new client's and no item is idle.
        """
        is_idle = bool(self._idle) or len(self._clients) > _CLIENTS_MAX
        self._clients = {
            name: client
            for name, client in self._clients.items()
            if client.waiting or (client.spent > self._start and not is_idle)
        }
