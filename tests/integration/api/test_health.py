"""Concurrent requests for the service's health share one check."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from common.ledger.records import Load
from tests.running_gateway import RunningGateway


def test_concurrent_health_checks_share_one_read_of_the_queue(
    client: httpx.Client, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = gateway.gateway.health
    load, looks = health._ledger.load, []

    async def counted() -> Load:
        looks.append(1)
        return await load()

    monkeypatch.setattr(health._ledger, "load", counted)
    monkeypatch.setattr("api.health_report.REPORT_REUSE_S", 3600.0)
    health._pending = None

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda n: client.get(("/health", "/readyz")[n % 2]), range(40)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(looks) == 1
