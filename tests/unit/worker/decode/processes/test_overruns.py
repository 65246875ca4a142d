import time

import pytest

from worker.decode.processes.overruns import REMEMBERED_S, Overruns


def test_the_largest_excess_of_a_client_counts() -> None:
    overruns = Overruns()

    assert [overruns.add("a", excess) for excess in (0.5, 2.0, 1.5, 0.1)] == [True, True, True, False]
    assert (overruns.excess_s("a"), overruns.excess_s("b")) == (2.0, 0.0)


def test_files_that_take_about_as_long_as_estimated_do_not_count() -> None:
    overruns = Overruns()

    assert not any(overruns.add("a", excess) for excess in (-1.0, 0.0, 0.01))
    assert overruns.excess_s("a") == 0.0


def test_an_excess_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    overruns = Overruns()
    overruns.add("a", 2.0)
    later = time.monotonic() + REMEMBERED_S + 1

    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert overruns.excess_s("a") == 0.0
    assert overruns.add("a", 0.1)
