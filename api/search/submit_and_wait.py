"""The search use case, independent of HTTP: reads the cache, submits a job, and waits for its result."""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from api.search.catalog_cache import CatalogCache
from api.search.catalog_version import CatalogVersion, QueryKey
from api.search.waiters import ClientGone, Waiters
from common.cache.rankings import RankingReader
from common.cache.results import ResultReader, content_hashes
from common.catalog.facets.counter import reads_all_albums
from common.errors import IdempotencyConflict, JobCanceled, NoWorker, QueueFull, RateLimited
from common.jobs import Job, JobFailure, JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Accepted, Submission
from common.logs import job_id_var
from common.redis import keyspace
from common.search_query import SearchQuery, query_to_json, ranking_key, wire_version


class Budget(Protocol):
    """The rate-limit budget of the client."""

    async def spend(self, query: SearchQuery, *, may_scan: bool) -> None:
        """Pay for computing a query.

        `may_scan` tells whether the query may scan all albums that meet its filters.

        Raises:
            RateLimited, QueueUnavailable
        """
        ...

    async def refund(self) -> None:
        """Give back the units that the last `spend` took."""
        ...


class Uploads(Protocol):
    """The images of a request, held in memory until the ledger has stored the images."""

    @property
    def images(self) -> Sequence[tuple[str, bytes]]:
        """The uploaded images as pairs of SHA-256 and bytes."""
        ...

    @property
    def decode_cost_s(self) -> float:
        """The estimated CPU seconds for decoding the images."""
        ...

    def release(self) -> None:
        """Free the memory."""
        ...


def _holds_nothing(_query_key: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Search:
    """One search as requested by a client."""

    query: SearchQuery
    #: The owner of the job.
    owner: str
    wait_s: float
    #: Whether to return the job immediately instead of waiting for the result.
    at_once: bool = False
    #: The maximum number of unfinished jobs that the owner may have at once; None means no limit.
    max_jobs: int | None = None
    #: The client's name for fair scheduling of image decoding; empty if the search has no image.
    client: str = ""
    uploads: Uploads | None = None
    #: The Idempotency-Key, made unique per client: a repeated key returns the first request's job; None means
    #: no key.
    idempotency_key: str | None = None
    #: Tells whether the client already has the answer that a query key identifies.
    holds: Callable[[str], bool] = _holds_nothing


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The client already has the answer."""

    query_key: str


@dataclass(frozen=True, slots=True)
class Cached:
    """A result from the cache as JSON, for which no job was created."""

    body: bytes
    query_key: str
    took_ms: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The result, as JSON, of a run that has ended."""

    body: bytes
    timings: dict[str, float]
    job_id: str
    #: Whether the search shared the run of an identical query.
    coalesced: bool = False
    #: Whether the cache had the answer when the job was submitted.
    cached: bool = False
    #: The query key; None if the result was computed from a different catalog version than the key names.
    query_key: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The job has not ended within the client's waiting time."""

    job: Job
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without a result."""

    failure: JobFailure


Outcome: TypeAlias = Unchanged | Cached | Answered | Pending | Failed


class SearchService:
    """Answers searches."""

    def __init__(
        self,
        *,
        ledger: GatewayLedger,
        results: ResultReader,
        rankings: RankingReader,
        waiters: Waiters,
        version: CatalogVersion,
        catalog: CatalogCache,
    ) -> None:
        self._ledger = ledger
        self._results = results
        self._rankings = rankings
        self._waiters = waiters
        self._version = version
        self._catalog = catalog

    async def answer(self, search: Search, *, budget: Budget, client_gone: ClientGone) -> Outcome:
        """Return the outcome of a search: its result, its pending job, or its failure.

        Raises:
            JobCanceled: the job was canceled while the client waited.
            ClientHungUp: the client disconnected while it waited.
            CoverSearchError: the search was not accepted.
        """
        if search.idempotency_key is not None:
            return await self._answer_once(search, budget=budget, client_gone=client_gone)
        known = self._catalog.spell_from_cache(search.query)
        asked = search if known is None or known is search.query else replace(search, query=known)
        outcome = await self._from_cache(asked)
        if outcome is None and known is None:
            spelled = await self._catalog.spell(search.query)
            if spelled != search.query:
                asked = replace(search, query=spelled)
                outcome = await self._from_cache(asked)
        return outcome or await self._submit(asked, budget=budget, client_gone=client_gone)

    async def cached(self, query: SearchQuery, *, holds: Callable[[str], bool]) -> Cached | Unchanged | None:
        """Return the cached answer to a query, or None if the answer or the list of genres is not cached."""
        spelled = self._catalog.spell_from_cache(query)
        return None if spelled is None else await self._cached(spelled, holds=holds)

    async def job(
        self, job_id: str, *, owner: str, wait_s: float, client_gone: ClientGone
    ) -> tuple[Job, int]:
        """Return a job when it has ended or `wait_s` has passed, and the seconds until the next poll.

        Raises:
            JobNotFound: the job is unknown, has expired, or belongs to another owner.
        """
        job, retry_after_s = await self._ledger.job(job_id, owner=owner)
        if wait_s <= 0 or job.state.is_terminal:
            return job, retry_after_s
        await self._waiters.until_ended(job.run_id, job_id, timeout_s=wait_s, client_gone=client_gone)
        return await self._ledger.job(job_id, owner=owner)

    async def _cached(self, query: SearchQuery, *, holds: Callable[[str], bool]) -> Cached | Unchanged | None:
        began = time.perf_counter()
        key = self._version.key_of(query)
        # The query key identifies the answer, so a client with this answer needs no new one, even if the
        # cache is empty.
        if holds(key.value):
            return Unchanged(key.value)
        body = await self._results.get(key.value)
        return None if body is None else Cached(body, key.value, took_ms=(time.perf_counter() - began) * 1000)

    async def _from_cache(self, search: Search) -> Outcome | None:
        found = await self._cached(search.query, holds=search.holds)
        if not search.at_once or not isinstance(found, Cached):
            return found
        submission = _submission(search, self._version.key_of(search.query))
        accepted = await self._ledger.record(submission, found.body)
        return await self._pending(accepted.job_id, search)

    async def _answer_once(self, search: Search, *, budget: Budget, client_gone: ClientGone) -> Outcome:
        """Answer a search with an Idempotency-Key; only the ledger knows whether the key was used before."""
        spelled = self._catalog.spell_from_cache(search.query) or await self._catalog.spell(search.query)
        asked = replace(search, query=spelled)
        key = self._version.key_of(spelled)
        body = await self._results.get(key.value)
        if body is None:
            return await self._submit(asked, budget=budget, client_gone=client_gone)
        accepted = await self._ledger.record(_submission(asked, key), body)
        return await self._outcome(accepted, asked, key, client_gone=client_gone)

    async def _submit(self, search: Search, *, budget: Budget, client_gone: ClientGone) -> Outcome:
        key = self._version.key_of(search.query)
        # The client is charged before the job is submitted, so that a burst cannot exceed the limit. The
        # client gets a refund if no run starts.
        await budget.spend(search.query, may_scan=await self._may_scan(search.query, key))
        try:
            accepted = await self._ledger.submit(_submission(search, key))
        except (NoWorker, QueueFull, RateLimited, IdempotencyConflict):
            await budget.refund()
            raise
        if not accepted.is_new:
            await budget.refund()
        return await self._outcome(accepted, search, key, client_gone=client_gone)

    async def _may_scan(self, query: SearchQuery, key: QueryKey) -> bool:
        """Return whether a query may scan all albums, for its results or for its facets."""
        if query.facets and reads_all_albums(query.filters):
            return True
        if not query.may_scan:
            return False
        return not await self._rankings.is_complete(ranking_key(query, made_from=key.made_from))

    async def _outcome(
        self, accepted: Accepted, search: Search, key: QueryKey, *, client_gone: ClientGone
    ) -> Outcome:
        job_id_var.set(accepted.job_id)
        if search.uploads is not None:
            # The ledger has stored the images, so the request need not hold them while it waits.
            search.uploads.release()
        if search.at_once:
            return await self._pending(accepted.job_id, search)
        if accepted.is_ahead:
            answer = await self._waiters.until_ended(
                accepted.run_id, accepted.job_id, timeout_s=search.wait_s, client_gone=client_gone
            )
            if answer is not None:
                return Answered(
                    answer.result,
                    answer.timings,
                    accepted.job_id,
                    coalesced=not accepted.is_new,
                    query_key=key.value,
                )
            job, retry_after_s = await self._ledger.job(accepted.job_id, owner=search.owner)
        else:
            # If the Idempotency-Key was used before, its job may have ended long ago.
            job, retry_after_s = await self.job(
                accepted.job_id, owner=search.owner, wait_s=search.wait_s, client_gone=client_gone
            )
        return _ended(job, key) or Pending(job, retry_after_s)

    async def _pending(self, job_id: str, search: Search) -> Pending:
        return Pending(*await self._ledger.job(job_id, owner=search.owner))


def _submission(search: Search, key: QueryKey) -> Submission:
    wire = query_to_json(search.query)
    idempotency = None
    if search.idempotency_key is not None:
        key_hash = hashlib.sha256(search.idempotency_key.encode()).hexdigest()
        idempotency = (keyspace.idempotency(search.owner, key_hash), hashlib.sha256(wire).hexdigest())
    return Submission(
        job_id=secrets.token_hex(16),
        owner=search.owner,
        max_jobs=search.max_jobs,
        query=wire,
        query_key=key.value,
        contents=content_hashes(search.query),
        kind=search.query.type,
        query_version=wire_version(search.query),
        made_from=key.made_from,
        ranking_key=ranking_key(search.query, made_from=key.made_from),
        images=tuple(search.uploads.images) if search.uploads is not None else (),
        client=search.client,
        decode_cost_s=search.uploads.decode_cost_s if search.uploads is not None else 0.0,
        idempotency=idempotency,
    )


def _ended(job: Job, key: QueryKey) -> Answered | Failed | None:
    if job.state is JobState.SUCCEEDED:
        return Answered(
            job.result or b"",
            job.timings or {},
            job.id,
            coalesced=job.coalesced,
            cached=job.cached,
            query_key=key.value if job.matches_key else None,
        )
    if job.failure is not None:
        return Failed(job.failure)
    if job.state is JobState.CANCELED:
        raise JobCanceled("the job was canceled while this request waited for it")
    return None
