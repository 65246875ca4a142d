"""Reads the figures of all processes from Redis by two scripts at once, which takes one round trip."""

import asyncio
import time
from dataclasses import dataclass

from api.metrics.request_figures import RequestFigures, figures_of
from api.metrics.store import MetricsStore, Window
from common.errors import QueueUnavailable
from common.ledger.gateway import GatewayLedger
from common.ledger.live_figures import Overview

#: The seconds for which figures are reused, because several clients may poll the figures.
REUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """The figures at one moment; a part that could not be read from Redis is None."""

    overview: Overview | None
    requests: RequestFigures | None
    #: The reasons why parts are None: `queue` is the reason for `overview`, `requests` for `requests`.
    problems: dict[str, str]


class LiveFiguresReader:
    """Reads the figures, at most twice a second."""

    def __init__(self, *, ledger: GatewayLedger, store: MetricsStore) -> None:
        self._ledger = ledger
        self._store = store
        self._read_at = float("-inf")
        self._pending: asyncio.Future[LiveFigures] | None = None

    async def read(self) -> LiveFigures:
        """Return recent figures, the result of a read in progress, or figures that are read now."""
        if self._pending is None or time.monotonic() - self._read_at > REUSE_S:
            self._read_at = time.monotonic()
            self._pending = asyncio.ensure_future(self._read())
        # The read is shielded, because a client that disconnects must not cancel it for other clients.
        return await asyncio.shield(self._pending)

    async def _read(self) -> LiveFigures:
        overview, window = await asyncio.gather(
            self._ledger.overview(), self._store.window(), return_exceptions=True
        )
        problems = {}
        for part, found in (("queue", overview), ("requests", window)):
            if isinstance(found, QueueUnavailable):
                problems[part] = found.detail
            elif isinstance(found, BaseException):
                raise found
        return LiveFigures(
            overview=overview if isinstance(overview, Overview) else None,
            requests=figures_of(window) if isinstance(window, Window) else None,
            problems=problems,
        )
