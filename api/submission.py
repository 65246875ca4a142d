"""The one path of every search: key, cache, submit or join, wait, answer."""

import hashlib
import secrets
import time
from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import Response

from api.admission import refund, spend
from api.answers import error_response, failure_response
from api.catalog_watch import CatalogWatch, QueryKey
from api.facts import CatalogFacts
from api.preferences import Patience
from api.presenting import (
    accepted_response,
    answer_response,
    cached_response,
    etag_of,
    names_tag,
    not_modified,
    result_response,
    run_word,
)
from api.rates import cost_of
from api.receiving import Body
from api.waiting import Waiting
from common import keys
from common.cache import ResultReader, contents_of
from common.errors import IdempotencyConflict, JobCanceled, QueueFull, RateLimited
from common.jobs import Job, JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Accepted, Submission
from common.queries import SearchQuery, query_to_json
from common.telemetry import job_id_var


@dataclass(frozen=True, slots=True)
class Search:
    """One search as a request asks for it."""

    query: SearchQuery
    owner: str
    patience: Patience
    #: How many jobs the owner may have under way at once; None for any number.
    max_jobs: int | None = None
    #: Whose turn at the image decoders it takes.
    client: str = ""
    #: Holds the uploaded images until the ledger has them; None where there are none.
    body: Body | None = None
    #: With the address of a client that has no API key: another's is another.
    idempotency_key: str | None = None
    #: The answer may be tagged, because the request is a GET.
    tagged: bool = False
    if_none_match: str | None = None


class Searches:
    """Answers searches."""

    def __init__(
        self,
        *,
        ledger: GatewayLedger,
        results: ResultReader,
        waiting: Waiting,
        watch: CatalogWatch,
        facts: CatalogFacts,
    ) -> None:
        self._ledger = ledger
        self._results = results
        self._waiting = waiting
        self._watch = watch
        self._facts = facts

    async def answer(self, search: Search, request: Request) -> Response:
        """Return the result, the job that will have it, or the problem that it failed with."""
        if search.idempotency_key is not None:
            return await self._answer_once(await self._spelled(search), request)
        known = self._facts.spelled_from_memory(search.query)
        asked = search if known is None else replace(search, query=known)
        if (response := await self._from_cache(asked)) is not None:
            return response
        if known is None:
            spelled = await self._spelled(search)
            if spelled.query != search.query and (response := await self._from_cache(spelled)) is not None:
                return response
            asked = spelled
        return await self._submit(asked, request)

    async def _answer_once(self, search: Search, request: Request) -> Response:
        # Whatever the cache has, the ledger decides whether this key has been used.
        key = self._watch.key_of(search.query)
        body = await self._results.get(key.value)
        if body is None:
            return await self._submit(search, request)
        accepted = await self._ledger.record(_submission(search, key), body)
        return await self._answer_of(accepted, search, key, request)

    async def _spelled(self, search: Search) -> Search:
        known = self._facts.spelled_from_memory(search.query)
        return replace(search, query=known or await self._facts.spelled(search.query))

    async def _from_cache(self, search: Search) -> Response | None:
        began = time.perf_counter()
        key = self._watch.key_of(search.query)
        etag = etag_of(key.value) if search.tagged else None
        # The tag is the query key: what a client holds under it is this answer, computed or not.
        if etag is not None and names_tag(search.if_none_match, etag):
            return not_modified(etag)
        body = await self._results.get(key.value)
        if body is None:
            return None
        if search.patience.at_once:
            accepted = await self._ledger.record(_submission(search, key), body)
            return await self._accepted(accepted.job_id, search)
        took_ms = (time.perf_counter() - began) * 1000
        return cached_response(body, etag=etag, took_ms=took_ms, applied=search.patience.applied)

    async def _submit(self, search: Search, request: Request) -> Response:
        key = self._watch.key_of(search.query)
        accepted = await self._enter(search, key, request)
        return await self._answer_of(accepted, search, key, request)

    async def _enter(self, search: Search, key: QueryKey, request: Request) -> Accepted:
        # Paid before, so that no burst gets more than the limit; what starts no run costs nothing.
        await spend(request, cost_of(search.query))
        try:
            accepted = await self._ledger.submit(_submission(search, key))
        except (QueueFull, RateLimited, IdempotencyConflict):
            await refund(request)
            raise
        if not accepted.is_new:
            await refund(request)
        return accepted

    async def _answer_of(
        self, accepted: Accepted, search: Search, key: QueryKey, request: Request
    ) -> Response:
        job_id_var.set(accepted.job_id)
        if search.body is not None:
            # The ledger has it: who waits now holds none of it.
            search.body.release()
        if search.patience.at_once:
            return await self._accepted(accepted.job_id, search)
        etag = etag_of(key.value) if search.tagged else None
        if accepted.is_ahead:
            answer = await self._waiting.until_ended(
                accepted.run_id, accepted.job_id, timeout_s=search.patience.wait_s, request=request
            )
            if answer is not None:
                return answer_response(
                    answer,
                    job_id=accepted.job_id,
                    cache=run_word(coalesced=not accepted.is_new),
                    etag=etag,
                    applied=search.patience.applied,
                )
            job, retry_after_s = await self._ledger.job(accepted.job_id, owner=search.owner)
        else:
            # It has ended already, or may have, long ago.
            job, retry_after_s = await self.job(
                accepted.job_id, owner=search.owner, wait_s=search.patience.wait_s, request=request
            )
        return _ended_response(job, etag=etag, applied=search.patience.applied) or accepted_response(
            job, retry_after_s=retry_after_s, applied=search.patience.applied
        )

    async def job(self, job_id: str, *, owner: str, wait_s: float, request: Request) -> tuple[Job, int]:
        """Return a job as it is, or as it is when it has ended or the time is up.

        Raises:
            JobNotFound: unknown, expired, or another owner's.
        """
        job, retry_after_s = await self._ledger.job(job_id, owner=owner)
        if wait_s <= 0 or job.state.is_terminal:
            return job, retry_after_s
        await self._waiting.until_ended(job.run_id, job_id, timeout_s=wait_s, request=request)
        return await self._ledger.job(job_id, owner=owner)

    async def _accepted(self, job_id: str, search: Search) -> Response:
        job, retry_after_s = await self._ledger.job(job_id, owner=search.owner)
        return accepted_response(job, retry_after_s=retry_after_s, applied=search.patience.applied)


def _submission(search: Search, key: QueryKey) -> Submission:
    wire = query_to_json(search.query)
    idempotency = None
    if search.idempotency_key is not None:
        key_hash = hashlib.sha256(search.idempotency_key.encode()).hexdigest()
        idempotency = (keys.idempotency(search.owner, key_hash), hashlib.sha256(wire).hexdigest())
    return Submission(
        job_id=secrets.token_hex(16),
        owner=search.owner,
        max_jobs=search.max_jobs,
        query=wire,
        query_key=key.value,
        contents=contents_of(search.query),
        made_from=key.made_from,
        images=search.body.images if search.body is not None else (),
        client=search.client,
        decode_cost_s=search.body.decode_cost_s if search.body is not None else 0.0,
        idempotency=idempotency,
    )


def _ended_response(job: Job, *, etag: str | None, applied: str) -> Response | None:
    if job.state is JobState.SUCCEEDED:
        # The tag stands for the key's version of the catalog and must not name another's answer.
        return result_response(job, etag=etag if job.matches_key else None, applied=applied)
    if job.failure is not None:
        return failure_response(job.failure)
    if job.state is JobState.CANCELED:
        return error_response(JobCanceled("the job was called off while this request waited for it"))
    return None
