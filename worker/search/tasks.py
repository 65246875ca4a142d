"""The Celery task of a search: claims a run, answers it, and writes the outcome to the ledger.

The outcome of a run is written only to the ledger; in Celery, every task counts as successful.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from celery import Celery

from common.broker.celery_app import TASK_NAME
from common.cache.results import WorkerCache
from common.errors import (
    CatalogBusy,
    CoverSearchError,
    DecoderBusy,
    DecoderDied,
    ModelMismatch,
    QueueFull,
    QueueUnavailable,
    UnknownQueryVersion,
)
from common.jobs import JobFailure
from common.ledger.records import Claim, Verdict
from common.ledger.worker import CachedFor, WorkerLedger
from common.logs import job_id_var
from worker.retries import retry_transient
from worker.search.leases import Lease, Leases, RunCanceled
from worker.search.pipeline import Answer

log = logging.getLogger(__name__)


class Answering(Protocol):
    """The interface of the pipeline, which answers a leased run or raises an error."""

    def answer(self, lease: Lease) -> Answer: ...


class RunHandler:
    """Claims runs by their ids, answers them and writes their outcomes to the ledger."""

    def __init__(
        self,
        *,
        ledger: WorkerLedger,
        leases: Leases,
        pipeline: Answering,
        cache_apart: WorkerCache | None,
        cached_for: CachedFor,
        retire: Callable[[ModelMismatch], None],
    ) -> None:
        """Create a handler.

        `cache_apart` is the cache if it is in a different Redis than the ledger, else None; `cached_for`
        tells which cache entries claims include if the cache is in the ledger's Redis.
        """
        self._ledger = ledger
        self._cached_for = cached_for if cache_apart is None else None
        self._cache_apart = cache_apart
        self._leases = leases
        self._pipeline = pipeline
        self._retire = retire

    def handle(self, run_id: str) -> None:
        """Claim a run, answer it and write its outcome; ignore duplicate messages."""
        job_id_var.set(run_id)
        try:
            claim = self._ledger.claim(run_id, cached_for=self._cached_for)
        except QueueUnavailable as error:
            # The run is still queued or leased in the ledger, so the sweeper will send it again.
            log.warning("could not claim", extra={"error": error.detail})
            return
        if isinstance(claim, Verdict):
            log.debug("not claimed", extra={"verdict": claim.value})
            return
        with self._leases.holding(claim) as lease:
            self._answer(lease)

    def _answer(self, lease: Lease) -> None:
        claim = lease.claim
        try:
            answer = self._pipeline.answer(lease)
        except RunCanceled:
            log.info("canceled")
        except CoverSearchError as error:
            self._end_unanswered(claim, error)
        except Exception:  # After any error at all, the run must end in the ledger.
            log.exception("a run failed unexpectedly")
            self._fail(claim, JobFailure(code="internal", detail="the worker failed unexpectedly"))
        else:
            self._succeed(claim, answer)

    def _end_unanswered(self, claim: Claim, error: CoverSearchError) -> None:
        match error:
            case DecoderDied():
                # The cause may be this machine instead of the image, so the run is retried until it has had
                # its maximum number of attempts.
                log.warning("the decoder died", extra={"attempt": claim.attempt, "error": error.detail})
                self._write(lambda: self._ledger.release(claim, uses_attempt=True), claim)
            case ModelMismatch():
                # Only a worker that has the catalog's new model can answer the run, so this worker exits.
                self._retire(error)
                self._write(lambda: self._ledger.release(claim, uses_attempt=False), claim)
            case CatalogBusy():
                # If the run returned to the queue, it would be taken before usual searches, which need no
                # scan.
                log.warning("no turn for a scan", extra={"error": error.detail})
                self._fail(claim, JobFailure.of(error))
            case DecoderBusy() | QueueFull() | UnknownQueryVersion():
                # Another worker may have free capacity, or a later release.
                log.warning("this worker cannot answer the run; given back", extra={"error": error.detail})
                self._give_back(claim, error)
            case _:
                self._fail(claim, JobFailure.of(error))

    def _give_back(self, claim: Claim, error: CoverSearchError) -> None:
        # If the run's message were sent at once, a worker of this release could take the run again and again.
        is_later = isinstance(error, UnknownQueryVersion)
        self._write(
            lambda: self._ledger.release(
                claim, uses_attempt=False, delay_reason=error.detail, is_later=is_later
            ),
            claim,
        )

    def _succeed(self, claim: Claim, answer: Answer) -> None:
        # The cache is written before the ledger, so that a client that repeats the query after the answer
        # gets the cached result.
        entries = answer.entries
        if self._cache_apart is not None:
            self._cache_apart.put(entries)
            entries = ()
        self._write(
            lambda: self._ledger.succeed(
                claim.run_id,
                result=answer.result,
                timings=answer.timings,
                entries=entries,
                matches_key=answer.matches_key,
            ),
            claim,
        )
        self._leases.rate.count()
        message = "the cache had the answer" if answer.from_cache else "answered"
        log.info(message, extra={"timings_ms": answer.timings.as_document(), "attempt": claim.attempt})

    def _fail(self, claim: Claim, failure: JobFailure) -> None:
        log.info("failed", extra={"code": failure.code, "detail": failure.detail})
        self._write(lambda: self._ledger.fail(claim, failure), claim)
        self._leases.rate.count()

    def _write(self, write: Any, claim: Claim) -> None:
        # The outcome is already known, so a failed write is repeated until the run's deadline.
        within_s = (claim.deadline_ms - claim.claimed_ms) / 1000
        try:
            retry_transient(write, within_s=within_s)
        except QueueUnavailable as error:
            log.error("could not write how the run ended", extra={"error": error.detail})  # noqa: TRY400


def register_search(app: Celery, handler: RunHandler) -> None:
    """Register the handler as the Celery task of the search queue; the task id is the run id."""

    @app.task(name=TASK_NAME, bind=True)
    def search(self: Any) -> None:
        handler.handle(self.request.id)
