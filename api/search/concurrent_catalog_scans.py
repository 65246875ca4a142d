"""Limits how many scans of the catalog a gateway runs at once, and how many requests wait for a scan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.errors import CatalogBusy

_BUSY = "too many requests wait for a scan of the whole catalog"


class ScanTurns:
    """Lets requests scan the catalog in turn; used on one event loop."""

    def __init__(self, *, running: int, waiting: int) -> None:
        self._running = asyncio.Semaphore(running)
        self._free_places = running + waiting

    @asynccontextmanager
    async def turn(self, *, wait_s: float) -> AsyncIterator[None]:
        """Wait until a scan is allowed.

        Raises:
            CatalogBusy: too many requests wait, or no scan was allowed within `wait_s` seconds.
        """
        if not self._free_places:
            raise CatalogBusy(_BUSY)
        self._free_places -= 1
        try:
            await self._acquire(wait_s)
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._free_places += 1

    async def _acquire(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._running.acquire()
        except TimeoutError as error:
            raise CatalogBusy(_BUSY) from error
