"""Figures add up the counts of all gateways in each slot and over all slots."""

from itertools import pairwise

import pytest

from api.metrics.duration_buckets import RELATIVE_ERROR, bucket_of
from api.metrics.request_figures import figures_of
from api.metrics.store import SLOT_MS, SLOTS, Window

#: 3.5 s after the start of a slot.
NOW_MS = 1_700_000_003_500
FAST, SLOW = bucket_of(0.010), bucket_of(1.0)
TEXT = "/api/search-by-text"


def window(*slots: dict[str, int]) -> Window:
    """Return a window whose last slots are these, and whose other slots are empty."""
    empty: list[dict[str, int]] = [{}] * (SLOTS - len(slots))
    return Window(now_ms=NOW_MS, slots=(*empty, *slots), gateways=())


def test_requests_are_added_up_by_route_and_by_status_class() -> None:
    first = {f"request GET {TEXT} 2 {FAST}": 5, f"request GET {TEXT} 5 {SLOW}": 1}
    second = {f"request GET {TEXT} 2 {FAST}": 2, f"request GET /livez 2 {FAST}": 3}

    totals = figures_of(window(first, second)).totals

    assert totals.requests.count == 11
    assert {route: requests.count for route, requests in totals.by_route.items()} == {
        ("GET", TEXT): 8,
        ("GET", "/livez"): 3,
    }
    assert totals.by_route["GET", TEXT].status_classes == {"2xx": 7, "5xx": 1}
    assert {name: requests.count for name, requests in totals.by_status_class.items()} == {
        "2xx": 10,
        "5xx": 1,
    }
    assert totals.by_status_class["5xx"].percentile_ms(50) == pytest.approx(1000, rel=RELATIVE_ERROR)
    assert totals.requests.percentile_ms(50) == pytest.approx(10, rel=RELATIVE_ERROR)


def test_the_sums_over_all_intervals_are_the_totals() -> None:
    slots = [
        {f"request GET {TEXT} 2 {bucket}": bucket % 7 + 1 for bucket in range(FAST, SLOW)},
        {f"request GET {TEXT} 4 {FAST}": 2, "cache hit": 4},
        {f"request POST /api/search 2 {SLOW}": 9, "cache hit": 1, "cache miss": 3},
    ]

    figures = figures_of(window(*slots))

    assert sum(each.requests.count for each in figures.intervals) == figures.totals.requests.count
    assert figures.totals.cache == {"hit": 5, "miss": 3}
    assert [each.cache["hit"] for each in figures.intervals[-3:]] == [0, 4, 1]


def test_intervals_are_aligned_and_the_last_has_not_ended() -> None:
    intervals = figures_of(window()).intervals

    assert len(intervals) == SLOTS
    assert [each.ended_ms - each.began_ms for each in intervals] == [SLOT_MS] * (SLOTS - 1) + [3500]
    assert all(a.ended_ms == b.began_ms for a, b in pairwise(intervals))
    assert intervals[-1].ended_ms == NOW_MS


def test_problems_are_counted_by_status_and_code() -> None:
    problems = figures_of(
        window({"problem 503 queue_full": 2}, {"problem 503 queue_full": 1, "problem 429 rate_limited": 5})
    ).totals.problems

    assert problems == {(503, "queue_full"): 3, (429, "rate_limited"): 5}


def test_counts_with_names_of_a_newer_gateway_are_ignored() -> None:
    slot = {"bytes sent GET /x": 7, "waiting": 3, f"request GET {TEXT} 2 {FAST} eu-west": 2, "cache hit": 1}

    figures = figures_of(window(slot))

    assert figures.totals.requests.count == 0
    assert figures.totals.cache == {"hit": 1}
