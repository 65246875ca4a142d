"""The use case of every search: key, cache, submit or join, wait, outcome; it knows no HTTP."""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from api.search.catalog_cache import CatalogCache
from api.search.catalog_version import CatalogVersion, QueryKey
from api.search.waiters import ClientGone, Waiters
from common.cache import ResultReader, content_hashes
from common.errors import IdempotencyConflict, JobCanceled, QueueFull, RateLimited
from common.jobs import Job, JobFailure, JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Accepted, Submission
from common.logs import job_id_var
from common.queries import SearchQuery, query_to_json
from common.redis import keyspace


class Budget(Protocol):
    """What the client may still spend."""

    async def spend(self, query: SearchQuery) -> None:
        """Pay for computing a query.

        Raises:
            RateLimited, QueueUnavailable
        """
        ...

    async def refund(self) -> None:
        """Give back what the last `spend` took."""
        ...


class Uploads(Protocol):
    """The images of a request, held in memory until the ledger has them."""

    @property
    def images(self) -> Sequence[tuple[str, bytes]]:
        """Uploaded bytes by SHA-256."""
        ...

    @property
    def decode_cost_s(self) -> float:
        """Seconds of CPU that decoding them takes, as estimated."""
        ...

    def release(self) -> None:
        """Free the memory."""
        ...


def _holds_nothing(_query_key: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Search:
    """One search as a client asks for it."""

    query: SearchQuery
    #: Whom the job belongs to.
    owner: str
    wait_s: float
    #: The client wants the job at once, not the result.
    at_once: bool = False
    #: How many jobs the owner may have under way at once; None for any number.
    max_jobs: int | None = None
    #: Whose turn at the image decoders it takes; empty where there is no image.
    client: str = ""
    uploads: Uploads | None = None
    #: Unique to the client: it stands for the job that it created first.
    idempotency_key: str | None = None
    #: Whether the client holds the answer of a query key already.
    holds: Callable[[str], bool] = _holds_nothing


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The client already holds the answer."""

    query_key: str


@dataclass(frozen=True, slots=True)
class Cached:
    """The finished JSON of the cache, without a job."""

    body: bytes
    query_key: str
    took_ms: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The finished JSON of a run that ended while the client waited, or had ended before."""

    body: bytes
    timings: dict[str, float]
    job_id: str
    #: The run was shared with an identical query.
    coalesced: bool = False
    #: The cache had the answer when the job was submitted.
    cached: bool = False
    #: None where the answer was made from another version of the catalog than the key's.
    query_key: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The job has not ended in the time that the client waits."""

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
        waiters: Waiters,
        version: CatalogVersion,
        catalog: CatalogCache,
    ) -> None:
        self._ledger = ledger
        self._results = results
        self._waiters = waiters
        self._version = version
        self._catalog = catalog

    async def answer(self, search: Search, *, budget: Budget, client_gone: ClientGone) -> Outcome:
        """Return the result, the job that will have it, or why there is none.

        Raises:
            JobCanceled: somebody canceled the job meanwhile.
            ClientHungUp: the client hung up while it waited.
            CoverSearchError: the search was not accepted.
        """
        if search.idempotency_key is not None:
            return await self._answer_once(search, budget=budget, client_gone=client_gone)
        known = self._catalog.spelled_from_memory(search.query)
        asked = search if known is None else replace(search, query=known)
        outcome = await self._from_cache(asked)
        if outcome is None and known is None:
            spelled = await self._catalog.spelled(search.query)
            if spelled != search.query:
                asked = replace(search, query=spelled)
                outcome = await self._from_cache(asked)
        return outcome or await self._submit(asked, budget=budget, client_gone=client_gone)

    async def cached(self, query: SearchQuery, *, holds: Callable[[str], bool]) -> Cached | Unchanged | None:
        """Return the cached answer of a query; None where there is none or its genres are not at hand."""
        spelled = self._catalog.spelled_from_memory(query)
        return None if spelled is None else await self._cached(spelled, holds=holds)

    async def job(
        self, job_id: str, *, owner: str, wait_s: float, client_gone: ClientGone
    ) -> tuple[Job, int]:
        """Return a job once it has ended or the time is up, and in how many seconds to ask again.

        Raises:
            JobNotFound: unknown, expired, or another owner's.
        """
        job, retry_after_s = await self._ledger.job(job_id, owner=owner)
        if wait_s <= 0 or job.state.is_terminal:
            return job, retry_after_s
        await self._waiters.until_ended(job.run_id, job_id, timeout_s=wait_s, client_gone=client_gone)
        return await self._ledger.job(job_id, owner=owner)

    async def _cached(self, query: SearchQuery, *, holds: Callable[[str], bool]) -> Cached | Unchanged | None:
        began = time.perf_counter()
        key = self._version.key_of(query)
        # The key names the answer, so a client that holds it has this one, whether or not it is cached.
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
        """Answer under an Idempotency-Key: whatever the cache has, the ledger knows whether it was used."""
        spelled = self._catalog.spelled_from_memory(search.query) or await self._catalog.spelled(search.query)
        asked = replace(search, query=spelled)
        key = self._version.key_of(spelled)
        body = await self._results.get(key.value)
        if body is None:
            return await self._submit(asked, budget=budget, client_gone=client_gone)
        accepted = await self._ledger.record(_submission(asked, key), body)
        return await self._outcome(accepted, asked, key, client_gone=client_gone)

    async def _submit(self, search: Search, *, budget: Budget, client_gone: ClientGone) -> Outcome:
        key = self._version.key_of(search.query)
        # Paid first, so that no burst gets more than the limit; what starts no run costs nothing.
        await budget.spend(search.query)
        try:
            accepted = await self._ledger.submit(_submission(search, key))
        except (QueueFull, RateLimited, IdempotencyConflict):
            await budget.refund()
            raise
        if not accepted.is_new:
            await budget.refund()
        return await self._outcome(accepted, search, key, client_gone=client_gone)

    async def _outcome(
        self, accepted: Accepted, search: Search, key: QueryKey, *, client_gone: ClientGone
    ) -> Outcome:
        job_id_var.set(accepted.job_id)
        if search.uploads is not None:
            # The ledger has them; a client that waits holds no memory.
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
            # A repeated Idempotency-Key names a job that may have ended long ago.
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
        made_from=key.made_from,
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
