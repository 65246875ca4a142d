"""Count the calls of the model when 500 clients send the same new query."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clients.http_client import Answer, Connection, text_search
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, open_stack

NAMES = ("stampede.embeddings",)
CLIENTS = 500


def measure(bench: Bench) -> Iterator[Figure]:
    """Send the query on all connections at once, and count the worker's embeddings."""
    # The model is so slow that all clients send before the first answer.
    with open_stack(bench, environ={**FIXED, "FIXED_LATENCY_MS": "1000"}) as stack:
        answers = asyncio.run(_at_once(stack.url))
        embedded = _embedded(stack.workers[0].log_path)
    bodies = {json.dumps(json.loads(answer.body)["results"]) for answer in answers}
    words = [answer.headers["x-cache"] for answer in answers]
    note = (
        f"{CLIENTS} clients: {sum(a.status == 200 for a in answers)} answered, {len(bodies)} distinct "
        f"answer(s); {words.count('coalesced')} joined the run, {words.count('hit')} from the cache"
    )
    holds = all(answer.status == 200 for answer in answers) and len(bodies) == 1
    yield Figure("stampede.embeddings", embedded, note, holds=holds)


async def _at_once(url: str) -> list[Answer]:
    connections = await asyncio.gather(*(Connection.open(url) for _ in range(CLIENTS)))
    request = text_search("all of us at once", wait=30)
    answers = await asyncio.gather(*(connection.ask(request) for connection in connections))
    for connection in connections:
        connection.close()
    return answers


def _embedded(log: Path) -> int:
    """Count the queries in the worker's log that needed a forward pass."""
    records = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    answered = [record for record in records if record.get("message") == "answered"]
    return sum(record["timings_ms"]["embed"] > 0 for record in answered)
