"""Tests of rate limits: remaining units, retry time, and the cost of a search."""

import pytest

from api.access.rate_limits import (
    ALBUM_COST,
    IMAGE_COST,
    REQUEST_COST,
    SCAN_COST,
    TEXT_COST,
    Rate,
    Window,
    cost_of,
)
from common.search_query import AlbumPart, ImagePart, SearchQuery, TextPart

RATE = Rate(60, "minute")
LIMIT, EXPIRY_S = RATE.limit, RATE.window_s


def fits(window: Window, cost: int) -> bool:
    """Return whether the cost fits in the limit, by the formula of the Lua script."""
    return int(window.previous * window.previous_s / EXPIRY_S) + window.current + cost <= LIMIT


def later(window: Window, wait_s: float) -> Window:
    """Return the rate-limit window after `wait_s` idle seconds, calculated as in the Lua script."""
    if not window.current:
        left_s = max(0.0, window.previous_s - wait_s)
        return Window(window.previous if left_s else 0, left_s, 0, 0)
    left_s = window.current_s - wait_s
    if left_s >= EXPIRY_S:
        return Window(window.previous, window.previous_s - wait_s, window.current, left_s)
    return Window(window.current if left_s > 0 else 0, max(0.0, left_s), 0, 0)


@pytest.mark.parametrize("cost", [1, 5, 10, 60])
@pytest.mark.parametrize("previous", [0, 1, 30, 60])
@pytest.mark.parametrize("current", [0, 1, 29, 60])
@pytest.mark.parametrize("turn_s", [0.5, 17.0, 59.5])
def test_retry_after_is_the_shortest_wait_after_which_the_cost_fits(
    cost: int, previous: int, current: int, turn_s: float
) -> None:
    window = Window(previous, turn_s if previous else 0, current, turn_s + EXPIRY_S if current else 0)
    if fits(window, cost):
        return

    wait_s = window.retry_after_s(cost, RATE)

    assert fits(later(window, wait_s), cost)
    assert wait_s == 1 or not fits(later(window, wait_s - 1.1), cost)


def test_remaining_units_are_the_limit_minus_the_weighted_use() -> None:
    now = Window(30, 20.0, 10, 80.0).quota(RATE)

    assert (now.limit, now.remaining, now.reset_s) == (60, 40, 80)


def test_an_image_costs_more_than_a_text_and_a_text_more_than_a_cached_answer() -> None:
    assert IMAGE_COST > TEXT_COST > REQUEST_COST >= ALBUM_COST


def test_a_composed_search_costs_the_sum_of_its_parts() -> None:
    query = SearchQuery((TextPart("red"), ImagePart("ab"), AlbumPart("7"), TextPart("blue", weight=-1)))

    cost = 2 * TEXT_COST + IMAGE_COST + ALBUM_COST
    assert cost_of(query, may_scan=False) == cost
    assert cost_of(query, may_scan=True) == cost + SCAN_COST


def test_a_scan_costs_more_than_any_part() -> None:
    assert SCAN_COST > IMAGE_COST
