"""Clients that submit searches to the service and retry refused submissions."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.faults.rig import Rig

ASYNC = {"Prefer": "respond-async"}
#: Seconds between the attempts of a client in `insist_all`.
INSIST_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP response that refused the job."""

    status: int
    retry_after: str | None
    took_s: float

    @property
    def is_polite(self) -> bool:
        """Whether the status is 429 or 503 and the answer says when to retry."""
        return self.status in {429, 503} and self.retry_after is not None and self.retry_after.isdigit()


@dataclass(slots=True)
class Submitted:
    """The results of several submissions."""

    ids: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    #: The number of requests whose connection broke before an answer arrived.
    unanswered: int = 0

    @property
    def all_refusals_polite(self) -> bool:
        return all(refusal.is_polite for refusal in self.refusals)


async def submit(
    http: httpx.AsyncClient, text: str, into: Submitted, *, key: str | None = None
) -> str | None:
    """Submit an asynchronous text search; return the job's id, or None if the search was not accepted."""
    headers = ASYNC if key is None else {**ASYNC, "Idempotency-Key": key}
    return await _sent(http.get("/api/search-by-text", params={"query": text}, headers=headers), into)


async def submit_image(http: httpx.AsyncClient, image: bytes, into: Submitted) -> str | None:
    """Submit an asynchronous image search; return the job's id, or None if the search was not accepted."""
    return await _sent(http.post("/api/search-by-image", files={"file": image}, headers=ASYNC), into)


async def _sent(request: Awaitable[httpx.Response], into: Submitted) -> str | None:
    began = time.monotonic()
    try:
        answer = await request
    except httpx.TransportError:
        into.unanswered += 1
        return None
    if answer.status_code != httpx.codes.ACCEPTED:
        took_s = time.monotonic() - began
        into.refusals.append(Refusal(answer.status_code, answer.headers.get("retry-after"), took_s))
        return None
    job_id: str = answer.json()["id"]
    into.ids.append(job_id)
    return job_id


async def submit_all(rig: Rig, texts: Sequence[str], *, over_s: float = 0.0) -> Submitted:
    """Submit the texts evenly over `over_s` seconds; a slow answer does not delay the other texts."""
    submitted = Submitted()
    limit = asyncio.Semaphore(32 if over_s == 0 else 10_000)

    async def one(text: str) -> None:
        async with limit:
            await submit(rig.http, text, submitted)

    await _evenly(one, texts, over_s=over_s)
    return submitted


async def insist_all(rig: Rig, texts: Sequence[str], *, over_s: float, within_s: float) -> Submitted:
    """Submit the texts evenly over `over_s` seconds, and retry each text until it is accepted."""
    submitted = Submitted()

    async def one(text: str) -> None:
        await until_accepted(rig, text, submitted, within_s=within_s, every_s=INSIST_EVERY_S)

    await _evenly(one, texts, over_s=over_s)
    return submitted


async def _evenly(
    step: Callable[[str], Coroutine[Any, Any, None]], texts: Sequence[str], *, over_s: float
) -> None:
    step_s = over_s / len(texts)
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for n, text in enumerate(texts):
            await asyncio.sleep(max(0.0, began + n * step_s - time.monotonic()))
            tasks.create_task(step(text))


async def until_accepted(
    rig: Rig, text: str, into: Submitted, *, within_s: float, every_s: float = 0.1
) -> float:
    """Retry a submission until it is accepted; return the seconds this took, or infinity after `within_s`.

    All attempts have the same Idempotency-Key, because an unanswered attempt may have been accepted.
    """
    began = time.monotonic()
    key = text.replace(" ", "-")
    while time.monotonic() - began < within_s:
        if await submit(rig.http, text, into, key=key) is not None:
            return time.monotonic() - began
        await asyncio.sleep(every_s)
    return float("inf")


async def until_answered(rig: Rig, text: str, *, within_s: float) -> float:
    """Retry until a search returns its result; return the seconds this took, or infinity after `within_s`."""
    began = time.monotonic()
    attempt = 0
    while time.monotonic() - began < within_s:
        attempt += 1
        try:
            answer = await rig.http.get(
                "/api/search-by-text", params={"query": f"{text} {attempt}", "wait": "2"}, timeout=5
            )
        except httpx.TransportError:
            continue
        if answer.status_code == httpx.codes.OK:
            return time.monotonic() - began
        await asyncio.sleep(0.1)
    return float("inf")


def texts(word: str, count: int) -> list[str]:
    """Return `count` different texts that start with `word`."""
    return [f"{word} {n}" for n in range(count)]
