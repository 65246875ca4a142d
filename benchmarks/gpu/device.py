"""Says whether this machine has a GPU, describes the GPU, and times calls on it."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from benchmarks.harness.measured_figure import Figure


def has_gpu() -> bool:
    """Return whether torch can use a GPU."""
    return torch.cuda.is_available()


def skipped(names: Sequence[str]) -> Iterator[Figure]:
    """Yield figures that say that this machine has no GPU."""
    for name in names:
        yield Figure(name, None, "skipped: no CUDA device, or a torch that is built without CUDA")


def card() -> str:
    """Return the GPU's name and torch's version, for the notes of figures."""
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"


def free_mb() -> float:
    """Return the GPU's free memory in megabytes."""
    return torch.cuda.mem_get_info()[0] / 1e6


def median_ms(call: Callable[[], object], *, rounds: int) -> float:
    """Return the median time of a call in milliseconds, after five warm-up calls."""
    for _ in range(5):
        call()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
