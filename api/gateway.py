"""Everything that a gateway process holds open, from its start to its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from redis.asyncio import Redis

from api import broker_watch, catalog_warnings, catalog_watch, sweeping, waiting
from api.admission import Door
from api.background import repeat
from api.broker_watch import BrokerWatch
from api.callers import Callers
from api.catalog_warnings import CatalogWarnings
from api.catalog_watch import CatalogWatch
from api.composing import Composer
from api.facts import CatalogFacts
from api.health import HealthCheck
from api.keys.ring import KeyRing
from api.rates import RateLimits
from api.receiving import Receiving
from api.submission import Searches
from api.subscription import Subscription
from api.sweeping import Sweeper
from api.waiting import Waiting
from common import keys
from common.broker import shares_cache
from common.cache import ResultReader
from common.catalog.protocol import Catalog
from common.clients import open_async_redis
from common.ledger.gateway import GatewayLedger
from common.queue import make_celery, message_template
from common.settings import Settings

#: Threads that read image headers.
INSPECTION_THREADS = 2
GENRES_EVERY_S = 5.0
CANCEL_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the endpoints work with."""

    settings: Settings
    ledger: GatewayLedger
    searches: Searches
    waiting: Waiting
    watch: CatalogWatch
    facts: CatalogFacts
    health: HealthCheck
    composer: Composer
    door: Door
    receiving: Receiving
    #: For what is slow and not asynchronous: image headers, base64.
    inspection: ThreadPoolExecutor
    _loop: asyncio.AbstractEventLoop

    def close_soon(self) -> None:
        """Send waiting requests away with their jobs; safe to call from a signal handler."""
        self._loop.call_soon_threadsafe(self.waiting.close)


def gateway_of(request: Request) -> Gateway:
    """Return the gateway of the application that serves this request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


@asynccontextmanager
async def open_gateway(settings: Settings, *, catalog: Catalog) -> AsyncIterator[Gateway]:
    """Open the clients and start what runs in the background; close it all at the end.

    Nothing here needs Redis or the catalog to answer: a gateway that starts first says what is missing.
    """
    async with AsyncExitStack() as stack:
        redis = await _redis(stack, settings.redis_url.get_secret_value())
        cache = await _redis(stack, settings.cache_url.get_secret_value())
        listener = await _redis(stack, settings.redis_url.get_secret_value())
        ledger = GatewayLedger(redis, settings=settings, template=message_template(make_celery(settings)))
        watch = CatalogWatch(redis)
        facts = CatalogFacts(catalog, watch=watch, timeout_s=settings.catalog_timeout_s)
        stack.callback(facts.close)
        inspection = ThreadPoolExecutor(INSPECTION_THREADS, thread_name_prefix="inspection")
        stack.callback(inspection.shutdown, wait=False)
        waiters = Waiting(ledger)
        gateway = Gateway(
            settings=settings,
            ledger=ledger,
            searches=Searches(
                ledger=ledger, results=ResultReader(cache), waiting=waiters, watch=watch, facts=facts
            ),
            waiting=waiters,
            watch=watch,
            facts=facts,
            health=HealthCheck(ledger=ledger, facts=facts),
            composer=Composer(
                max_image_bytes=settings.max_image_bytes,
                max_image_pixels=settings.max_image_pixels,
                max_cost_s=settings.decode_cpu_s,
            ),
            door=_door(redis, settings),
            receiving=Receiving(max_bytes=settings.max_receiving_bytes),
            inspection=inspection,
            _loop=asyncio.get_running_loop(),
        )
        broker = BrokerWatch(redis, shares_cache=shares_cache(settings))
        subscription = Subscription(
            listener, {keys.EVENTS: waiters.on_event, keys.CATALOG_EVENTS: watch.on_event}
        )
        background = [
            subscription.run(),
            *_following(watch, facts),
            repeat(waiters.look, every_s=waiting.LOOK_EVERY_S, name="waiters"),
            repeat(Sweeper(ledger).sweep, every_s=sweeping.SWEEP_EVERY_S, name="sweep"),
            repeat(broker.look, every_s=broker_watch.LOOK_EVERY_S, name="broker settings"),
            repeat(
                CatalogWarnings(facts).look, every_s=catalog_warnings.LOOK_EVERY_S, name="catalog settings"
            ),
            repeat(facts.genres, every_s=GENRES_EVERY_S, name="genres"),
        ]
        tasks = [asyncio.create_task(step) for step in background]
        stack.push_async_callback(_end, tasks)
        stack.callback(waiters.close)
        yield gateway


def _following(watch: CatalogWatch, facts: CatalogFacts) -> list[Coroutine[Any, Any, None]]:
    """Return the steps that keep the catalog's version; one that waits does not hold up the other."""
    every_s = catalog_watch.LOOK_EVERY_S
    in_catalog = partial(watch.look_in_catalog, facts.version)
    return [
        repeat(in_catalog, every_s=every_s, name="catalog version", soon=watch.told),
        repeat(watch.look_in_redis, every_s=every_s, name="catalog word", soon=watch.told_redis),
    ]


def _door(redis: Redis, settings: Settings) -> Door:
    return Door(
        Callers(KeyRing(redis), settings),
        RateLimits(redis, on_failure=settings.rate_limit_on_failure),
        requires_key=settings.auth == "required",
    )


async def _redis(stack: AsyncExitStack, url: str) -> Redis:
    client = open_async_redis(url)
    stack.push_async_callback(client.aclose)
    return client


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        # Again: redis-py loses a cancellation that comes while it connects, and the gateway would never end.
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
