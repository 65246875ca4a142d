"""Measure several processes with a model each on one GPU: their throughput and the memory that each takes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import torch

from benchmarks.gpu.device import card, free_mb, has_gpu, skipped
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.paths import ROOT

NAMES = ("gpu.processes.texts_s", "gpu.process.mb")
PROCESSES = (1, 4)


def measure(bench: Bench) -> Iterator[Figure]:
    """Load the batchers of one process, and then of four processes at the same time."""
    if not has_gpu():
        yield from skipped(NAMES)
        return
    torch.zeros(1, device="cuda")  # this process's own share of the memory is taken before the measurement
    seconds = bench.pick(4, 1)
    rates, memory = {}, {}
    for count in PROCESSES:
        rates[count], memory[count] = _together(bench.model(), count, seconds=seconds)
    each = ", ".join(f"{count}: {rate:.0f}" for count, rate in rates.items())
    yield Figure(
        "gpu.processes.texts_s",
        max(rates.values()),
        f"texts/s through the batcher by processes: {each}; {card()}",
    )
    each = ", ".join(f"{count}: {megabytes:.0f}" for count, megabytes in memory.items())
    note = f"model, graphs and CUDA context; MB for each process by processes: {each}; {card()}"
    yield Figure("gpu.process.mb", memory[PROCESSES[-1]], note)


def _together(model: Path, count: int, *, seconds: float) -> tuple[float, float]:
    """Return the texts per second of all processes, and the GPU's memory in MB that each process takes."""
    before = free_mb()
    command = [sys.executable, "-m", "benchmarks.gpu.batcher", str(model), str(seconds)]
    with ExitStack() as running:
        children = [
            running.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
                )
            )
            for _ in range(count)
        ]
        for child in children:
            running.callback(child.kill)
        pipes = [(child.stdin, child.stdout) for child in children]
        for _, output in pipes:
            assert output is not None
            if output.readline() != "ready\n":
                raise RuntimeError("a process could not load the model")
        each_mb = (before - free_mb()) / count
        for start, _ in pipes:
            assert start is not None
            start.write("\n")
        rate = sum(float(output.readline()) for _, output in pipes if output is not None)
    return rate, each_mb
