"""Startup and shutdown of a gateway process: its clients, services, threads and background tasks."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from redis.asyncio import Redis

from api.access.callers import Callers
from api.access.middleware import AccessPolicy
from api.access.rate_limits import RateLimits
from api.background import broker_warnings, catalog_warnings, sweeper, thumbnail_warnings
from api.background.broker_warnings import BrokerWarnings
from api.background.catalog_warnings import CatalogWarnings
from api.background.periodic import run_periodically
from api.background.redis_subscription import Subscription
from api.background.sweeper import Sweeper
from api.background.thumbnail_warnings import ThumbnailWarnings
from api.contract.public_metadata import PublicMetadata
from api.health_report import HealthCheck
from api.http.middleware.parsed_query_cache import RepeatedQueries
from api.http.request_bodies.body_budget import BodyBudget
from api.http.request_bodies.search_body import SearchBodyReader
from api.keys.verifier import KeyVerifier
from api.metrics import counts_sender
from api.metrics.counts_sender import MetricsReporter
from api.metrics.live_figures import LiveFiguresReader
from api.metrics.recorder import RequestRecorder
from api.metrics.store import MetricsStore
from api.search import catalog_version, waiters
from api.search.catalog_cache import CatalogCache
from api.search.catalog_version import CatalogVersion
from api.search.submit_and_wait import SearchService
from api.search.waiters import Waiters
from common.broker.celery_app import make_celery, message_template
from common.cache.rankings import RankingReader
from common.cache.results import ResultReader
from common.catalog.protocol import Catalog
from common.errors import QueueUnavailable
from common.ingest_reports.store import IngestReportReader
from common.ledger.gateway import GatewayLedger
from common.redis import keyspace
from common.redis.clients import open_async_redis
from common.redis.durability import shares_cache
from common.settings import Settings

#: The number of threads that read image headers and decode base64.
INSPECTION_THREADS = 2
GENRES_EVERY_S = 5.0
CANCEL_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Gateway:
    """The services that the endpoints use."""

    settings: Settings
    public_metadata: PublicMetadata
    ledger: GatewayLedger
    searches: SearchService
    waiters: Waiters
    version: CatalogVersion
    catalog: CatalogCache
    health: HealthCheck
    recorder: RequestRecorder
    reporter: MetricsReporter
    live_figures: LiveFiguresReader
    ingest_reports: IngestReportReader
    search_bodies: SearchBodyReader
    repeated_queries: RepeatedQueries
    access: AccessPolicy
    body_budget: BodyBudget
    #: The threads that read image headers and decode base64.
    inspection: ThreadPoolExecutor
    _loop: asyncio.AbstractEventLoop

    def close_soon(self) -> None:
        """Answer waiting requests with their jobs; it is safe to call this method in a signal handler."""
        self._loop.call_soon_threadsafe(self.waiters.close)


def gateway_of(request: Request) -> Gateway:
    """Return the gateway of the application that serves this request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, catalog: Catalog, recorder: RequestRecorder
) -> AsyncIterator[Gateway]:
    """Open the clients and start the background tasks; at the end, stop the tasks and close the clients.

    The gateway starts even if Redis or the catalog does not answer; `/readyz` then reports what is missing.
    """
    urls = settings.redis_url, settings.cache_url, settings.redis_url
    async with AsyncExitStack() as stack:
        redis, cache, listener = [await _redis(stack, url.get_secret_value()) for url in urls]
        ledger = GatewayLedger(redis, settings=settings, template=message_template(make_celery(settings)))
        version = CatalogVersion(redis, has_thumbnails=settings.thumbnail_dir is not None)
        catalog_cache = CatalogCache(catalog, version=version, timeout_s=settings.catalog_timeout_s)
        stack.callback(catalog_cache.close)
        inspection = ThreadPoolExecutor(INSPECTION_THREADS, thread_name_prefix="inspection")
        stack.callback(inspection.shutdown, wait=False)
        waiting = Waiters(ledger)
        store = MetricsStore(redis)
        searches = SearchService(
            ledger=ledger,
            results=ResultReader(cache),
            rankings=RankingReader(cache),
            waiters=waiting,
            version=version,
            catalog=catalog_cache,
        )
        gateway = Gateway(
            settings=settings,
            public_metadata=PublicMetadata.of(settings.public_metadata),
            ledger=ledger,
            searches=searches,
            waiters=waiting,
            version=version,
            catalog=catalog_cache,
            health=HealthCheck(ledger=ledger, catalog=catalog_cache),
            recorder=recorder,
            reporter=MetricsReporter(recorder, store),
            live_figures=LiveFiguresReader(ledger=ledger, store=store),
            ingest_reports=IngestReportReader(redis),
            repeated_queries=RepeatedQueries(),
            search_bodies=_search_body_reader(settings),
            access=_access_policy(redis, settings),
            body_budget=BodyBudget(max_bytes=settings.max_receiving_bytes),
            inspection=inspection,
            _loop=asyncio.get_running_loop(),
        )
        steps = _background(gateway, listener, BrokerWarnings(redis, shares_cache=shares_cache(settings)))
        stack.push_async_callback(_report_last_counts, gateway.reporter)
        stack.push_async_callback(_end, [asyncio.create_task(step) for step in steps])
        stack.callback(waiting.close)
        yield gateway


def _background(gateway: Gateway, listener: Redis, broker: BrokerWarnings) -> list[Coroutine[Any, Any, None]]:
    """Return the background tasks of the gateway."""
    waiting, version, catalog = gateway.waiters, gateway.version, gateway.catalog
    subscription = Subscription(
        listener, {keyspace.EVENTS: waiting.on_event, keyspace.CATALOG_EVENTS: version.on_event}
    )
    folder = gateway.settings.thumbnail_dir
    thumbnails = [] if folder is None else [ThumbnailWarnings(folder)]
    return [
        subscription.run(),
        *_version_polling(version, catalog),
        run_periodically(waiting.check_ledger, every_s=waiters.CHECK_EVERY_S, name="waiters"),
        run_periodically(Sweeper(gateway.ledger).sweep, every_s=sweeper.SWEEP_EVERY_S, name="sweep"),
        run_periodically(gateway.reporter.report, every_s=counts_sender.REPORT_EVERY_S, name="metrics"),
        run_periodically(broker.check, every_s=broker_warnings.CHECK_EVERY_S, name="broker settings"),
        run_periodically(
            CatalogWarnings(catalog).check, every_s=catalog_warnings.CHECK_EVERY_S, name="catalog settings"
        ),
        *(
            run_periodically(one.check, every_s=thumbnail_warnings.CHECK_EVERY_S, name="thumbnails")
            for one in thumbnails
        ),
        run_periodically(catalog.genres, every_s=GENRES_EVERY_S, name="genres"),
    ]


def _version_polling(version: CatalogVersion, catalog: CatalogCache) -> list[Coroutine[Any, Any, None]]:
    """Return separate tasks that poll the catalog and Redis, so that a slow catalog delays only one task."""
    every_s = catalog_version.POLL_EVERY_S
    in_catalog = partial(version.poll_catalog, catalog.version)
    return [
        run_periodically(in_catalog, every_s=every_s, name="catalog version", wake=version.catalog_poll_due),
        run_periodically(
            version.poll_redis, every_s=every_s, name="catalog token", wake=version.redis_poll_due
        ),
    ]


def _search_body_reader(settings: Settings) -> SearchBodyReader:
    return SearchBodyReader(
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_cost_s=settings.decode_cpu_s,
    )


def _access_policy(redis: Redis, settings: Settings) -> AccessPolicy:
    return AccessPolicy(
        Callers(KeyVerifier(redis), settings),
        RateLimits(redis, on_failure=settings.rate_limit_on_failure),
        requires_key=settings.auth == "required",
    )


async def _report_last_counts(reporter: MetricsReporter) -> None:
    with suppress(QueueUnavailable):
        await reporter.report()


async def _redis(stack: AsyncExitStack, url: str) -> Redis:
    client = open_async_redis(url)
    stack.push_async_callback(client.aclose)
    return client


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        # Cancel repeatedly until all tasks have ended, because redis-py swallows a cancellation while
        # connecting.
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
