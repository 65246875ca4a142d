"""A worker renews the leases of exactly the runs that it processes, even of a run that it claimed twice."""

import pytest
from redis import Redis

from common.ledger.records import Claim
from common.ledger.worker import WorkerLedger
from common.settings import load_settings
from worker.search.leases import Leases, RunCanceled


@pytest.fixture
def leases() -> Leases:
    # No Redis server is needed, because holding a run sends nothing to Redis.
    ledger = WorkerLedger(Redis(port=9), settings=load_settings({}), template="", worker_id="w1")
    return Leases(ledger, lease_s=10, announcement=dict)


def claim(*, attempt: int, run_id: str = "ab12") -> Claim:
    return Claim(
        run_id, b"{}", "key", (), "", attempt=attempt, created_ms=0, deadline_ms=60_000, claimed_ms=0
    )


def test_a_run_is_held_while_it_is_processed(leases: Leases) -> None:
    with leases.holding(claim(attempt=1)) as lease:
        held = leases.held()

    assert held == [lease]
    assert leases.held() == []


def test_the_end_of_a_first_attempt_keeps_the_lease_of_the_second(leases: Leases) -> None:
    first = leases.holding(claim(attempt=1))
    first.__enter__()

    with leases.holding(claim(attempt=2)) as second:
        first.__exit__(None, None, None)
        held = leases.held()

    assert held == [second]
    assert leases.held() == []


def test_a_failed_run_is_released(leases: Leases) -> None:
    with pytest.raises(ValueError, match="no image"), leases.holding(claim(attempt=1)):
        raise ValueError("no image")

    assert leases.held() == []


def test_a_lost_lease_raises_when_it_is_checked(leases: Leases) -> None:
    with leases.holding(claim(attempt=1)) as lease:
        lease.check()
        lease.lose()

        with pytest.raises(RunCanceled):
            lease.check()
