"""Fair turns: whoever waits for a decoder and has had the least of them is next.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): what a client has been given is counted by its cost,
and a client that comes anew starts where the last turn began, so that nobody saves turns up.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: Clients that are remembered while they do not wait.
_CLIENTS_MAX = 1000


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """One caller that waits."""

    cost: float
    given: T | None = None
    is_given: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Client(Generic[T]):
    #: Cost of what it has been given, as if it had always been here.
    spent: float
    waiting: deque[_Waiting[T]] = field(default_factory=deque)


class Turns(Generic[T]):
    """Hands out things that are taken, used and given back; any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[T] = deque()
        #: Those who wait, and those who have been given more than who comes anew starts with.
        self._clients: dict[str, _Client[T]] = {}
        self._start = 0.0

    @property
    def idle(self) -> int:
        """Return how many things are there to take."""
        return len(self._idle)

    def give(self, thing: T) -> None:
        """Offer a thing to whose turn it is."""
        with self._lock:
            self._idle.append(thing)
            self._serve()

    def take(self, client: str, *, cost: float, until: float) -> T | None:
        """Wait for a thing until a moment of `time.monotonic`; None where none came in time."""
        waiting: _Waiting[T] = _Waiting(cost)
        with self._lock:
            known = self._clients.setdefault(client, _Client(self._start))
            if not known.waiting:
                known.spent = max(known.spent, self._start)
            known.waiting.append(waiting)
            self._serve()
        if not waiting.is_given.wait(max(until - time.monotonic(), 0)):
            with self._lock:
                if not waiting.is_given.is_set():
                    known.waiting.remove(waiting)
                    self._forget()
        return waiting.given

    def _serve(self) -> None:
        while self._idle and (nexts := [c for c in self._clients.values() if c.waiting]):
            client = min(nexts, key=lambda each: each.spent)
            self._start = max(self._start, client.spent)
            waiting = client.waiting.popleft()
            client.spent += waiting.cost
            waiting.given = self._idle.popleft()
            waiting.is_given.set()
        self._forget()

    def _forget(self) -> None:
        """Forget who does not wait and would start anew no better; everybody once things lie idle."""
        is_idle = bool(self._idle) or len(self._clients) > _CLIENTS_MAX
        self._clients = {
            name: client
            for name, client in self._clients.items()
            if client.waiting or (client.spent > self._start and not is_idle)
        }
