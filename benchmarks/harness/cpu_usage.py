"""Measure the CPU use of each process of a service."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psutil

from benchmarks.harness.stack import Stack


class Usage:
    """Measures the CPU time of named processes and their children, as shares of one core."""

    def __init__(self, roots: Mapping[str, list[int]]) -> None:
        self._roots = roots
        self.shares: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._before = self._cpu_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_s = time.perf_counter() - self._began
        after = self._cpu_s()
        self.shares = {name: (after[name] - self._before[name]) / took_s for name in self._roots}

    def summary(self) -> str:
        """Format the CPU shares, with the busiest process first."""
        ordered = sorted(self.shares.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {share:.2f}" for name, share in ordered)

    def _cpu_s(self) -> dict[str, float]:
        return {name: sum(_cpu_s(pid) for pid in pids) for name, pids in self._roots.items()}


def roots_of(stack: Stack, *, postgres: int | None) -> dict[str, list[int]]:
    """Return the process ids of a stack by name."""
    workers = [worker.pid for worker in stack.workers]
    found = {
        "gateway": [stack.gateway.pid],
        "workers" if len(workers) > 1 else "worker": workers,
        "Redis": [stack.redis.pid],
        "PostgreSQL": [postgres],
    }
    return {name: [pid for pid in pids if pid is not None] for name, pids in found.items()}


def _cpu_s(pid: int) -> float:
    process = psutil.Process(pid)
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            spent = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total
