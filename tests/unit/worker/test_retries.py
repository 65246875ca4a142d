"""Transient failures are retried until the deadline."""

import pytest

from common.errors import CatalogMisconfigured, CatalogUnavailable
from worker.retries import retry_transient


class Calls:
    """A call that raises each of the given faults once, and then succeeds."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self._faults:
            raise self._faults.pop(0)
        return "answer"


def test_a_transient_failure_is_retried_and_logged() -> None:
    calls, logged = Calls(CatalogUnavailable("one"), CatalogUnavailable("two")), list[str]()

    answer = retry_transient(calls, within_s=30, on_failure=lambda error: logged.append(str(error)))

    assert answer == "answer"
    assert logged == ["one", "two"]


def test_a_permanent_failure_is_not_retried() -> None:
    calls = Calls(CatalogMisconfigured("no such function", problem="rpc_missing"))

    with pytest.raises(CatalogMisconfigured):
        retry_transient(calls, within_s=30)

    assert calls.made == 1


def test_no_retry_starts_that_could_not_end_before_the_deadline() -> None:
    calls = Calls(CatalogUnavailable("down"), CatalogUnavailable("down"))

    with pytest.raises(CatalogUnavailable):
        retry_transient(calls, within_s=4, try_s=5)

    assert calls.made == 1
