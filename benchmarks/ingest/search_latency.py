"""Compare the 95th percentile of search latency with and without an ingest on the same worker."""

import asyncio
import itertools
import math
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import numpy as np
import psycopg

from benchmarks.clients.http_client import Connection, image_search, text_search
from benchmarks.clients.pictures import distinct, kept_jpeg
from benchmarks.clients.texts import Texts, words_of
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import open_stack
from benchmarks.ingest.covers import Material, material

NAME = "ingest.bulk.p95_ratio"
#: The number of searches per second; between searches, the model is free for the ingest.
RATE_PER_S = 3.0
_START_S = 120.0
_COVERS: LiteralString = "id LIKE 'cover-%'"


def measure(bench: Bench) -> Figure:
    """Search alternately with and without an ingest; return the worse ratio of text and image searches."""
    made = material(bench.pick(4000, 200))
    picture = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    texts, numbers = Texts(words_of(bench.model()), seed=5), itertools.count(1 << 40)
    kinds: dict[str, Callable[[], bytes]] = {
        "text": lambda: text_search(texts.of(10), wait=60),
        "image": lambda: image_search(distinct(picture, next(numbers)), wait=60),
    }
    with open_stack(bench, workers=1) as stack:
        figures = []
        for kind, request in kinds.items():
            beside = _Beside(made, stack.environ, stack.environ["DATABASE_URL"], bench.new_folder("bulk"))
            figures.append(_figure(bench, kind, stack.url, request, beside))
    worst = max(figures, key=lambda figure: figure.value or math.inf)
    note = f"{RATE_PER_S:g} searches a second, one worker; {'; '.join(figure.note for figure in figures)}"
    return replace(worst, note=note, holds=all(figure.holds for figure in figures))


def _figure(bench: Bench, kind: str, url: str, request: Callable[[], bytes], beside: "_Beside") -> Figure:
    searches = bench.pick(60, 10)

    def p95_ms() -> float:
        return float(np.percentile(asyncio.run(_paced_ms(url, request, searches)), 95))

    def p95_ms_beside() -> float:
        with beside.running():
            return p95_ms()

    compared = interleaved(p95_ms, p95_ms_beside, rounds=bench.pick(5, 1))
    note = (
        f"{kind} p95 {compared.theirs_median:.1f} ms beside an ingest of {beside.covers_per_s:.1f} covers/s, "
        f"{compared.ours_median:.1f} ms without"
    )
    return Figure(NAME, compared.theirs_over_ours, note, holds=beside.covers_per_s > 0)


async def _paced_ms(url: str, request: Callable[[], bytes], searches: int) -> list[float]:
    """Send searches one after another with random pauses; return each search's milliseconds."""
    connection, pauses = await Connection.open(url), random.Random(7)
    took_ms = []
    for _ in range(searches):
        await asyncio.sleep(pauses.expovariate(RATE_PER_S))
        answer = await connection.ask(request())
        if answer.status != 200:
            raise RuntimeError(f"a search was answered with {answer.status}")
        took_ms.append(answer.took_ms)
    connection.close()
    return took_ms


class _Beside:
    """A distributed ingest that runs during another measurement."""

    def __init__(self, made: Material, environ: Mapping[str, str], url: str, folder: Path) -> None:
        self._made, self._environ, self._url, self._folder = made, environ, url, folder
        self._written, self._took_s = 0, 0.0
        self._rounds = itertools.count()

    @property
    def covers_per_s(self) -> float:
        return self._written / self._took_s if self._took_s else 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run a new ingest during the `with` body; a resumed ingest would soon have no work left."""
        with psycopg.connect(self._url) as connection:
            connection.execute(f"DELETE FROM album_covers WHERE {_COVERS}")
        folder = self._folder / str(next(self._rounds))
        folder.mkdir()
        command = [sys.executable, "-m", "catalog", "ingest", str(self._made.table), "--distributed"]
        process = subprocess.Popen(
            [*command, "--covers", str(self._made.covers), "--batch", "16"],
            cwd=folder,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_for_covers(process)
            first, began = self._count(), time.monotonic()
            yield
            self._written += self._count() - first
            self._took_s += time.monotonic() - began
        finally:
            process.kill()
            process.wait()

    def _wait_for_covers(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_S
        while not self._count():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the ingest does not write anything")
            time.sleep(0.1)

    def _count(self) -> int:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(f"SELECT count(*) FROM album_covers WHERE {_COVERS}").fetchone()
        return 0 if row is None else int(row[0])
