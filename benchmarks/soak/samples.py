"""Measure every few seconds the resources whose use can grow in a long-running service."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import psutil
import psycopg

from benchmarks.faults.rig import Rig

EVERY_S = 3.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The maximum growth over a whole run that is still considered noise."""

    absolute: float
    share: float

    def allows(self, before: float, after: float) -> bool:
        return after - before <= max(self.absolute, self.share * before)


TOLERANCES: Mapping[str, Tolerance] = MappingProxyType(
    {
        "gateway_memory_mib": Tolerance(absolute=4, share=0.03),
        "worker_memory_mib": Tolerance(absolute=4, share=0.03),
        "gateway_fds": Tolerance(absolute=8, share=0),
        "worker_fds": Tolerance(absolute=8, share=0),
        "redis_memory_mib": Tolerance(absolute=1, share=0.1),
        "redis_keys": Tolerance(absolute=50, share=0.1),
        "postgres_connections": Tolerance(absolute=8, share=0),
    }
)


@dataclass(frozen=True, slots=True)
class Growth:
    """The medians of a figure in the first and in the last third of a run, without its warm-up."""

    before: float
    after: float
    is_noise: bool


class Samples:
    """Samples the gateway, the worker that is never restarted, Redis and PostgreSQL."""

    def __init__(self, rig: Rig, *, database_url: str) -> None:
        self._rig = rig
        self._database_url = database_url
        self._gateway = psutil.Process(rig.gateways[0].service.pid or 0)
        self._worker = psutil.Process(rig.workers[0].pid or 0)
        self._taken: list[tuple[float, dict[str, float]]] = []

    async def run(self) -> None:
        """Take samples until canceled."""
        began = time.monotonic()
        while True:
            figures = await asyncio.to_thread(self._look)
            self._taken.append((time.monotonic() - began, figures))
            await asyncio.sleep(EVERY_S)

    def growth(self, *, warm_up_s: float) -> dict[str, Growth]:
        """Compare the first third of the samples after the warm-up with the last third."""
        steady = [figures for at_s, figures in self._taken if at_s >= warm_up_s]
        third = max(1, len(steady) // 3)
        compared = {}
        for name, tolerance in TOLERANCES.items():
            before, after = (
                statistics.median(figures[name] for figures in part)
                for part in (steady[:third], steady[-third:])
            )
            compared[name] = Growth(round(before, 1), round(after, 1), tolerance.allows(before, after))
        return compared

    def _look(self) -> dict[str, float]:
        info = self._rig.redis.info("memory")
        assert isinstance(info, dict)
        keys = self._rig.redis.dbsize()
        assert isinstance(keys, int)
        return {
            "gateway_memory_mib": self._gateway.memory_info().rss / MIB,
            "worker_memory_mib": self._worker.memory_info().rss / MIB,
            "gateway_fds": _fds(self._gateway),
            "worker_fds": _fds(self._worker),
            "redis_memory_mib": info["used_memory"] / MIB,
            "redis_keys": keys,
            "postgres_connections": self._connections(),
        }

    def _connections(self) -> int:
        with psycopg.connect(self._database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
        assert row is not None
        return int(row[0]) - 1


def _fds(process: psutil.Process) -> int:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        # Only root can inspect a worker (common/processes/child_processes.py); other users record 0.
        return 0
