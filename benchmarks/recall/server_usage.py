"""Measure the peak memory and CPU time of a server."""

import threading
from types import TracebackType
from typing import Self

import psutil

MIB = 1024 * 1024
EVERY_S = 0.5


class Usage:
    """Measures by how much the memory and CPU time of a process and its descendants grow in a `with` block.

    Memory that several processes share counts once (proportional set size). Samples are taken twice a second,
    so a short peak may be missed. Other load on the machine hardly changes the CPU time.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)
        self._memory_before = self._memory_peak = 0
        self._cpu_before_s = self._cpu_after_s = 0.0

    @property
    def memory_mib(self) -> float:
        return (self._memory_peak - self._memory_before) / MIB

    @property
    def cpu_s(self) -> float:
        return self._cpu_after_s - self._cpu_before_s

    def __enter__(self) -> Self:
        self._memory_before = self._memory_peak = self._memory()
        self._cpu_before_s = self._cpu()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._cpu_after_s = self._cpu()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._memory_peak = max(self._memory_peak, self._memory())

    def _memory(self) -> int:
        total = 0
        for process in [self._root, *self._root.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return total

    def _cpu(self) -> float:
        # The times of the parent include the CPU time of children that have ended.
        times = self._root.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for process in self._root.children(recursive=True):
            try:
                own = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += own.user + own.system
        return float(total)
