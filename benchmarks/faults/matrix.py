"""Every fault by its name, in the order of the matrix."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from benchmarks.faults import (
    catalog_faults,
    client_faults,
    image_faults,
    load_faults,
    model_faults,
    pipelining,
    redis_faults,
    setup_faults,
    workers,
)
from benchmarks.faults.ground import Ground
from benchmarks.faults.outcome import Outcome


class Fault(Protocol):
    """Break something on a rig of its own and tell what became of the jobs."""

    def __call__(self, ground: Ground, folder: Path, *, short: bool) -> Awaitable[Outcome]: ...


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "worker-killed": workers.killed,
        "worker-told-to-stop": workers.told_to_stop,
        "poison-job": workers.poisoned,
        "redis-killed": redis_faults.killed,
        "redis-frozen": redis_faults.frozen,
        "half-open-connections": redis_faults.half_open,
        "redis-full": redis_faults.full,
        "redis-stays-full": redis_faults.full_past_deadline,
        "cache-evicts": redis_faults.cache_evicts,
        "catalog-down": catalog_faults.down,
        "catalog-slow": catalog_faults.slow,
        "catalog-busy": catalog_faults.busy,
        "catalog-misconfigured": setup_faults.misconfigured,
        "gateway-killed": client_faults.gateway_killed,
        "clients-hang-up": client_faults.clients_hang_up,
        "decompression-bomb": client_faults.bomb,
        "costly-images": image_faults.costly,
        "endless-upload": client_faults.endless_body,
        "slow-senders": client_faults.slow_senders,
        "pipelined-unread": pipelining.unread,
        "cold-key-stampede": load_faults.stampede,
        "overload": load_faults.overload,
        "poisoned-cache": load_faults.cache_poisoned,
        "model-cannot-be-loaded": model_faults.unloadable,
        "model-stalls": model_faults.stalls,
        "clock-skew": model_faults.clock_off,
    }
)
