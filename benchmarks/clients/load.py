"""Concurrent clients in a separate process; each sends a query when its previous query is answered.

python -m benchmarks.clients.load      reads a `Plan` and writes a `Report`, both as JSON
"""

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from benchmarks.clients.http_client import Connection, image_search, stages_of, text_search
from benchmarks.clients.pictures import distinct
from benchmarks.paths import ROOT


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run: the queries, the URL, the number of clients and the duration."""

    url: str
    clients: int
    #: Seconds at the start of the run in which answers are not counted.
    warm_up_s: float
    seconds: float
    #: The seed of the queries; runs with different seeds send different queries.
    seed: int
    #: The words that the texts are made of; each text has ten words.
    words: list[str] = field(default_factory=list)
    #: The path of a JPEG to search by; None for searches by text.
    picture: str | None = None
    #: The number of counted answers after which the run stops; None for no limit.
    limit: int | None = None


@dataclass(slots=True)
class Report:
    """The number, latencies, stages and statuses of the answers that the clients received."""

    answered: int = 0
    per_s: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    stages_ms: list[dict[str, float]] = field(default_factory=list)


def run_clients(plan: Plan) -> Report:
    """Run the plan in another process and return its report."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients.load"],
        input=json.dumps(asdict(plan)).encode(),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    report = Report(**json.loads(done.stdout))
    if set(report.statuses) - {"200"}:
        raise RuntimeError(f"not every query was answered with 200: {report.statuses}")
    if not report.answered:
        raise RuntimeError("no query was answered")
    return report


async def execute(plan: Plan) -> Report:
    """Send queries until the time or the limit of the plan is reached, and return the report."""
    report, statuses = Report(), Counter[str]()
    requests = _requests(plan)
    began = time.perf_counter()
    counts_from, ends = began + plan.warm_up_s, began + plan.warm_up_s + plan.seconds
    last = counts_from

    async def client() -> None:
        nonlocal last
        connection = await Connection.open(plan.url)
        for request in requests:
            if time.perf_counter() >= ends or (plan.limit and report.answered >= plan.limit):
                break
            answer = await connection.ask(request())
            statuses[str(answer.status)] += 1
            if counts_from <= answer.received_at <= ends:
                report.answered += 1
                report.took_ms.append(round(answer.took_ms, 3))
                report.stages_ms.append(stages_of(answer))
                last = max(last, answer.received_at)
        connection.close()

    await asyncio.gather(*(client() for _ in range(plan.clients)))
    report.statuses = dict(statuses)
    report.per_s = report.answered / ((last - counts_from if plan.limit else plan.seconds) or 1)
    return report


def _requests(plan: Plan) -> Iterator[Callable[[], bytes]]:
    """Yield an endless series of functions that each build one query."""
    if plan.picture is not None:
        data = Path(plan.picture).read_bytes()
        numbers = itertools.count(plan.seed << 32)
        return (lambda n=n: image_search(distinct(data, n), wait=60) for n in numbers)  # type: ignore[misc]
    draw = random.Random(plan.seed)
    return (lambda: text_search(" ".join(draw.choices(plan.words, k=10)), wait=60) for _ in itertools.count())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(uvloop.run(execute(Plan(**json.loads(sys.stdin.read())))))))
