"""The family `explain` of `make bench`: the truth of the closest words, and the cost of explanations."""

from collections.abc import Iterator

from benchmarks.explain import closest_words, cost
from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure

NAMES = (*closest_words.NAMES, *cost.NAMES)


def measure(bench: Bench) -> Iterator[Figure]:
    """Count the true words of covers that were not used for tuning, then time searches."""
    yield from closest_words.measure(bench)
    yield from cost.measure(bench)
