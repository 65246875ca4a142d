"""A stand-in for a worker, which ends runs at chosen moments to measure the requests that wait for them."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

from redis import Redis

from common.broker.celery_app import make_celery, message_template
from common.catalog.protocol import Matches
from common.jobs import Timings
from common.ledger.records import Verdict
from common.ledger.worker import WorkerLedger
from common.redis import keyspace
from common.redis.clients import open_redis
from common.result_json import result_json
from common.search_query import SearchQuery, TextPart
from common.settings import Settings, load_settings


class StandInWorker:
    """Claims and ends runs with the worker's ledger scripts but without a model; thread-safe."""

    def __init__(self, redis_url: str) -> None:
        settings: Settings = load_settings({"REDIS_URL": redis_url})
        self._redis: Redis = open_redis(redis_url, socket_timeout_s=30)
        template = message_template(make_celery(settings))
        self._ledger = WorkerLedger(self._redis, settings=settings, template=template, worker_id="stand-in")
        self._timings = Timings.of(total_ms=1, decode_ms=0, embed_ms=0, search_ms=0)
        query = SearchQuery((TextPart("any"),))
        self._result = result_json(Matches(), query=query, model="none", timings=self._timings)

    def queued(self) -> list[str]:
        """Return the ids of the queued runs."""
        members = cast("list[bytes]", self._redis.zrange(keyspace.QUEUED, 0, -1))
        return [member.decode() for member in members]

    def queued_count(self) -> int:
        """Return the number of queued runs."""
        return self._redis.zcard(keyspace.QUEUED)

    def claim(self, run_id: str) -> None:
        """Claim a run.

        Raises:
            RuntimeError: the run is already claimed or has ended.
        """
        claim = self._ledger.claim(run_id)
        if claim in set(Verdict):
            raise RuntimeError(f"the run cannot be claimed: {claim}")

    def succeed(self, run_id: str) -> float:
        """End a run with a result; return the `time.perf_counter` value when the result was sent."""
        at = time.perf_counter()
        self._ledger.succeed(run_id, result=self._result, timings=self._timings)
        return at

    def succeed_all(self, run_ids: Sequence[str]) -> None:
        """Claim and end many runs."""
        for run_id in run_ids:
            self.claim(run_id)
            self.succeed(run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._redis.close()
