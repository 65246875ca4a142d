"""The clients of the soak test, which send texts, images, repetitions and cancellations."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from benchmarks.distinct_pngs import numbered_png
from benchmarks.faults.job_audit import SWEEP_SLACK_S
from common.jobs import JobState

ASYNC = {"Prefer": "respond-async"}
#: The number of queries of each kind per hundred queries.
MIX = {"text": 50, "image": 20, "repeated": 20, "canceled": 10}
REPEATED_TEXTS = 40
#: Seconds for which a client keeps polling after its job's deadline.
PATIENCE_S = 15.0


@dataclass(slots=True)
class Account:
    """Counts of the results of all queries."""

    sent: int = 0
    refused: int = 0
    #: The number of requests whose connection broke before an answer arrived.
    unanswered: int = 0
    lost: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)


class Load:
    """Sends queries at a steady rate, and polls each job until it has ended."""

    def __init__(self, http: httpx.AsyncClient, *, per_s: float, deadline_s: float, seed: int) -> None:
        self.account = Account()
        self._http = http
        self._per_s = per_s
        self._deadline_s = deadline_s
        self._dice = random.Random(seed)

    async def run(self, *, for_s: float, burst: int = 0) -> None:
        """Send queries for `for_s` seconds, starting with a burst, and poll every job until it has ended."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            while (due_s := (self.account.sent - burst) / self._per_s) < for_s:
                await asyncio.sleep(max(0.0, began + due_s - time.monotonic()))
                self.account.sent += 1
                (kind,) = self._dice.choices([*MIX], [*MIX.values()])
                tasks.create_task(self._query(kind, self.account.sent))

    async def _query(self, kind: str, number: int) -> None:
        try:
            answer = await self._submit(kind, number)
        except httpx.TransportError:
            self.account.unanswered += 1
            return
        if answer.status_code != httpx.codes.ACCEPTED:
            self.account.refused += 1
            return
        job_id = answer.json()["id"]
        if kind == "canceled":
            await self._http.post(f"/api/jobs/{job_id}/cancel")
        await self._follow(job_id)

    async def _submit(self, kind: str, number: int) -> httpx.Response:
        if kind == "image":
            return await self._http.post(
                "/api/search-by-image", files={"file": numbered_png(number)}, headers=ASYNC
            )
        text = f"text {number}"
        if kind == "repeated":
            text = f"repeated {self._dice.randrange(REPEATED_TEXTS)}"
        return await self._http.get("/api/search-by-text", params={"query": text}, headers=ASYNC)

    async def _follow(self, job_id: str) -> None:
        give_up = time.monotonic() + self._deadline_s + PATIENCE_S
        while time.monotonic() < give_up:
            try:
                answer = await self._http.get(f"/api/jobs/{job_id}", params={"wait": "10"})
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.NOT_FOUND:
                break
            job = answer.json()
            if answer.is_success and JobState(job["status"]).is_terminal:
                self._ended(job_id, job)
                return
        self.account.lost.append(job_id)

    def _ended(self, job_id: str, job: dict[str, Any]) -> None:
        created, completed = (datetime.fromisoformat(job[name]) for name in ("created_at", "completed_at"))
        took_s = (completed - created).total_seconds()
        self.account.took_s.append(took_s)
        self.account.ends[job["error"]["code"] if job["error"] else job["status"]] += 1
        if took_s > self._deadline_s + SWEEP_SLACK_S:
            self.account.late.append(job_id)
