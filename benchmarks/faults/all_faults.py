"""The fault matrix: every fault by its name, in the order of the table."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.scenarios import (
    catalog_outage,
    clients,
    images,
    model,
    overload,
    pipelining,
    redis,
    workers,
    wrong_catalog_setup,
)


class Fault(Protocol):
    """A function that causes one fault in a separate service and returns the outcome."""

    def __call__(self, catalog_server: CatalogServer, folder: Path, *, short: bool) -> Awaitable[Outcome]: ...


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "worker-killed": workers.killed,
        "worker-told-to-stop": workers.told_to_stop,
        "poison-job": workers.poisoned,
        "redis-killed": redis.killed,
        "redis-frozen": redis.frozen,
        "half-open-connections": redis.half_open,
        "redis-full": redis.full,
        "redis-stays-full": redis.full_past_deadline,
        "cache-evicts": redis.cache_evicts,
        "catalog-down": catalog_outage.down,
        "catalog-slow": catalog_outage.slow,
        "catalog-busy": catalog_outage.busy,
        "catalog-misconfigured": wrong_catalog_setup.misconfigured,
        "gateway-killed": clients.gateway_killed,
        "clients-hang-up": clients.clients_hang_up,
        "decompression-bomb": clients.bomb,
        "costly-images": images.costly,
        "endless-upload": clients.endless_body,
        "slow-senders": clients.slow_senders,
        "pipelined-unread": pipelining.unread,
        "cold-key-stampede": overload.stampede,
        "overload": overload.overload,
        "poisoned-cache": overload.cache_poisoned,
        "model-cannot-be-loaded": model.unloadable,
        "model-stalls": model.stalls,
        "clock-skew": model.clock_off,
    }
)
