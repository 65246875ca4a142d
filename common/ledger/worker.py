"""The worker's blocking, thread-safe client of the ledger: claim, renew, end, release and sweep runs."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from common.cache.results import Entry
from common.errors import QueueUnavailable
from common.jobs import JobFailure, Timings
from common.ledger.records import Claim, Sweep, Verdict, read_claim, read_sweep
from common.ledger.scripts import RESEND_AFTER_MS, SWEEP_EVERY_MS, script_text
from common.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CachedFor:
    """Tells which cache entries a claim includes."""

    #: The fingerprint of the model whose cached embeddings are returned.
    model: str
    #: The time in milliseconds for which the claim keeps the cached ranking of its query.
    ranking_ttl_ms: int


class WorkerLedger:
    """A client of the ledger; every call raises `QueueUnavailable` if Redis does not answer in time."""

    def __init__(self, redis: Redis, *, settings: Settings, template: str, worker_id: str) -> None:
        self._redis = redis
        self._settings = settings
        self._template = template
        self._worker_id = worker_id
        self._lease_ms = int(settings.lease_s * 1000)
        names = ("claim", "renew", "succeed", "fail", "release", "record_decode_overrun", "sweep")
        self._scripts = {name: redis.register_script(script_text(name)) for name in names}

    def claim(self, run_id: str, *, cached_for: CachedFor | None = None) -> Claim | Verdict:
        """Lease a run to this worker, or return why the run cannot be leased.

        If the ledger's Redis is also the cache, pass `cached_for`; the claim then includes the query's cached
        result, the model's cached embeddings, and the cached ranking.
        """
        arguments = (run_id, self._worker_id, self._lease_ms, self._settings.max_attempts)
        cached = () if cached_for is None else (cached_for.model, cached_for.ranking_ttl_ms)
        return read_claim(run_id, self._run("claim", *arguments, *cached))

    def renew(self, announcement: dict[str, object], *, ttl_s: float, run_ids: Sequence[str]) -> set[str]:
        """Announce this worker and renew its leases; return the runs whose lease the worker has lost."""
        head = (self._worker_id, orjson.dumps(announcement), int(ttl_s * 1000), self._lease_ms)
        return {str(run_id, "ascii") for run_id in self._run("renew", *head, *run_ids)}

    def succeed(
        self,
        run_id: str,
        *,
        result: bytes,
        timings: Timings,
        entries: Sequence[Entry] = (),
        matches_key: bool = True,
    ) -> bool:
        """End a run with its result; return False if the run had already ended.

        If the ledger's Redis is also the cache, `entries` are written to the cache in the same round trip.
        `matches_key` tells whether the result was computed with the model and catalog version in the query
        key.
        """
        script = self._scripts["succeed"]
        arguments = (run_id, result, orjson.dumps(timings.as_document()), int(matches_key))
        pipeline = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.set(entry.key, entry.value, px=entry.ttl_ms)
        pipeline.evalsha(script.sha, 0, *arguments)
        try:
            *stored, ended = pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        for reply in stored:
            if isinstance(reply, RedisError):
                log.warning("the cache cannot store entries", extra={"error": type(reply).__name__})
        if isinstance(ended, RedisError):
            # After a restart Redis lacks the script, which `_run` sends again; `_run` raises any other error.
            ended = self._run("succeed", *arguments)
        return bool(ended)

    def fail(self, claim: Claim, failure: JobFailure) -> bool:
        """End a run with an error; return False if this attempt no longer holds the run's lease."""
        return bool(self._run("fail", claim.run_id, claim.attempt, failure.to_json()))

    def release(
        self, claim: Claim, *, uses_attempt: bool, delay_reason: str = "", is_later: bool = False
    ) -> bool:
        """Give a run back to the queue; `uses_attempt` tells whether the attempt counts against
        `MAX_ATTEMPTS`.

        If no worker answers the run by its deadline, the run's error message includes `delay_reason`. If
        `is_later`, the sweeper sends the run's message after RESEND_AFTER_MS; otherwise it is sent at once.
        """
        arguments = (
            claim.run_id,
            claim.attempt,
            int(uses_attempt),
            self._template,
            delay_reason,
            int(is_later),
        )
        return bool(self._run("release", *arguments))

    def charge(self, client: str, *, excess_s: float) -> int:
        """Record that decoding a client's image took longer than estimated; the record expires in a minute.

        Returns the number of the client's runs that were removed from the queue.
        """
        return int(self._run("record_decode_overrun", client, math.ceil(excess_s * 1000)))

    def sweep(self) -> Sweep | None:
        """Run the sweeper if it is due; return None if another process has just run the sweeper."""
        turn = (self._template, self._settings.max_attempts, RESEND_AFTER_MS, SWEEP_EVERY_MS)
        return read_sweep(self._run("sweep", *turn))

    def _run(self, name: str, *args: Any) -> Any:
        try:
            return self._scripts[name](args=args)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> QueueUnavailable:
    return QueueUnavailable(f"the job queue does not answer ({type(error).__name__})")
