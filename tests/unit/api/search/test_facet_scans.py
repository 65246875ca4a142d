"""Counts that read all albums run two at a time, and the other reads of the catalog do not wait for them."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Lock

import pytest
from redis.asyncio import Redis

from api.search.catalog_cache import SCANS, SCANS_WAITING, CatalogCache
from api.search.catalog_version import CatalogVersion
from common.catalog.facets.columns import FacetColumns
from common.catalog.facets.counts import Facets
from common.errors import CatalogBusy
from common.filters import Filters
from tests.integration.api.stand_ins import MemoryCatalog
from tests.polling import eventually_async

WAIT_S = 30.0


class SlowCatalog(MemoryCatalog):
    """A catalog whose scans wait until `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.released = Event()
        self._lock = Lock()
        self.running = self.most = 0

    def facet_columns(self, filters: Filters) -> FacetColumns:
        if filters == Filters():
            return super().facet_columns(filters)
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.released.wait(WAIT_S)
        with self._lock:
            self.running -= 1
        return super().facet_columns(filters)


class CountedBudget:
    """A budget without a limit, which counts how often a scan was paid for and refunded."""

    def __init__(self) -> None:
        self.paid = self.refunded = 0

    async def spend_scan(self) -> None:
        self.paid += 1

    async def refund(self) -> None:
        self.refunded += 1


@pytest.fixture
def slow() -> Iterator[SlowCatalog]:
    catalog = SlowCatalog()
    yield catalog
    catalog.released.set()


async def test_too_many_scans_are_refused_and_not_charged(slow: SlowCatalog) -> None:
    # The client of Redis never connects.
    version, budget = CatalogVersion(Redis()), CountedBudget()
    with closing(CatalogCache(slow, version=version, timeout_s=WAIT_S)) as cache:
        await version.poll_catalog(cache.version)
        counts = [
            asyncio.create_task(cache.facets(Filters(artists=(f"Artist {n}",)), budget=budget))
            for n in range(SCANS + SCANS_WAITING + 1)
        ]
        done, _ = await asyncio.wait(counts, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        await eventually_async(lambda: slow.running == SCANS)

        # The other reads have threads of their own.
        assert (await cache.album("7")).id == "7"
        same = asyncio.create_task(cache.facets(Filters(artists=("Artist 0",)), budget=budget))
        slow.released.set()
        answers = await asyncio.gather(*counts, same, return_exceptions=True)

    assert len(done) == 1
    assert sum(isinstance(answer, CatalogBusy) for answer in answers) == 1
    assert sum(isinstance(answer, Facets) for answer in answers) == SCANS + SCANS_WAITING + 1
    assert slow.most == SCANS
    assert (budget.paid, budget.refunded) == (SCANS + SCANS_WAITING + 1, 1)
