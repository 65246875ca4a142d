"""The fair queue for decoders: the waiting client with the lowest accumulated cost is served next.

A caller specifies the expected cost of a request, and corrects it when the actual cost is known.

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

#: The maximum number of clients whose accumulated cost is stored while they are not waiting.
_CLIENTS_MAX = 1000


class TurnedAway(Exception):
    """The caller must stop waiting, because another image of the same client took longer than estimated."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """A caller that waits for an item."""

    cost: float
    given: T | None = None
    is_turned_away: bool = False
    #: Set when the caller has received an item or was refused.
    is_decided: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Client(Generic[T]):
    #: The client's accumulated cost (the virtual time of start-time fair queueing).
    spent: float
    waiting: deque[_Waiting[T]] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Lends items to callers, and shares the items fairly among clients; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[T] = deque()
        #: All waiting clients, and all other clients whose accumulated cost is higher than that of a new
        #: client.
        self._clients: dict[str, _Client[T]] = {}
        #: The accumulated cost with which a new client starts; it equals the cost that the client served last
        #: had before its last request.
        self._start = 0.0

    @property
    def idle(self) -> int:
        """Return the number of items that are not in use."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Return the number of waiting callers."""
        with self._lock:
            return sum(len(client.waiting) for client in self._clients.values())

    def give(self, item: T) -> None:
        """Add a new item, or give back a taken item, for the next waiting client."""
        with self._lock:
            self._idle.append(item)
            self._serve()

    def take(self, client: str, *, cost: float, until: float) -> T | None:
        """Return an item as soon as one is free, or None if `until` (a `time.monotonic` value) has passed.

        Raises:
            TurnedAway: another thread refused all waiting callers of this client.
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
        """Refuse all waiting callers of a client: their calls of `take` raise `TurnedAway`."""
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
        """Forget clients that are not waiting, unless their accumulated cost still matters.

        A client's accumulated cost matters if no item is idle and a new client would start with a lower cost.
        """
        is_idle = bool(self._idle) or len(self._clients) > _CLIENTS_MAX
        self._clients = {
            name: client
            for name, client in self._clients.items()
            if client.waiting or (client.spent > self._start and not is_idle)
        }
