"""Percentiles from logarithmic buckets are near the exact ones."""

import math
import random
from collections import Counter

import pytest

from api.metrics.duration_buckets import RELATIVE_ERROR, bucket_of, percentile_ms


def counted(durations_ms: list[float]) -> Counter[int]:
    return Counter(bucket_of(duration / 1000) for duration in durations_ms)


def exact(durations_ms: list[float], percent: int) -> float:
    """Return the percentile by nearest rank."""
    return sorted(durations_ms)[max(1, math.ceil(percent * len(durations_ms) / 100)) - 1]


def test_the_relative_error_is_the_documented_one() -> None:
    assert pytest.approx(0.0443, abs=0.0001) == RELATIVE_ERROR


@pytest.mark.parametrize("percent", [50, 95, 99])
@pytest.mark.parametrize("count", [1, 2, 20, 99, 100, 101, 5000])
def test_percentiles_are_within_the_relative_error(count: int, percent: int) -> None:
    draw = random.Random(count)
    durations = [draw.lognormvariate(3, 2) for _ in range(count)]

    found = percentile_ms(counted(durations), percent)

    # Percentiles are rounded to a ten-thousandth of a millisecond.
    assert found == pytest.approx(exact(durations, percent), rel=RELATIVE_ERROR * 1.001, abs=0.0001)


@pytest.mark.parametrize("exponent", range(-24, 160))
def test_a_duration_on_the_end_of_a_bucket_stays_within_the_error(exponent: int) -> None:
    duration = 2 ** (exponent / 8)

    assert percentile_ms(counted([duration]), 50) == pytest.approx(
        duration, rel=RELATIVE_ERROR * 1.001, abs=0.0001
    )


def test_rare_slow_requests_show_only_in_the_high_percentile() -> None:
    counts = counted([10.0] * 98 + [1000.0] * 2)

    assert percentile_ms(counts, 95) == pytest.approx(10, rel=RELATIVE_ERROR)
    assert percentile_ms(counts, 99) == pytest.approx(1000, rel=RELATIVE_ERROR)


def test_no_durations_have_no_percentile() -> None:
    assert percentile_ms({}, 50) is None


def test_a_clock_too_coarse_for_a_duration_counts_it_as_very_short() -> None:
    assert bucket_of(0.0) < bucket_of(0.000001)
