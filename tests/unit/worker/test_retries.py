"""Trying again: what may pass, as long as there is time."""

import pytest

from common.errors import CatalogMisconfigured, CatalogUnavailable
from worker.retries import retry_transient


class Calls:
    """Fails so many times and then answers."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self._faults:
            raise self._faults.pop(0)
        return "answer"


def test_what_may_pass_is_tried_again_and_told() -> None:
    calls, told = Calls(CatalogUnavailable("one"), CatalogUnavailable("two")), list[str]()

    answer = retry_transient(calls, within_s=30, on_failure=lambda error: told.append(str(error)))

    assert answer == "answer"
    assert told == ["one", "two"]


def test_what_will_not_pass_is_tried_once() -> None:
    calls = Calls(CatalogMisconfigured("no such function", problem="rpc_missing"))

    with pytest.raises(CatalogMisconfigured):
        retry_transient(calls, within_s=30)

    assert calls.made == 1


def test_no_further_try_is_begun_that_could_not_end_in_time() -> None:
    calls = Calls(CatalogUnavailable("down"), CatalogUnavailable("down"))

    with pytest.raises(CatalogUnavailable):
        retry_transient(calls, within_s=4, try_s=5)

    assert calls.made == 1
