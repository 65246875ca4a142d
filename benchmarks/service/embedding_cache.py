"""Measure searches that need no forward pass, because their cover was embedded by an earlier search."""

import asyncio
import statistics
from collections.abc import Iterator

from benchmarks.clients.http_client import Answer, Connection, image_search, stages_of
from benchmarks.clients.pictures import distinct, kept_jpeg
from benchmarks.harness.benchmark_context import GENRES, STATE, Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import open_stack

NAMES = ("embedding_cache.speedup",)


def measure(bench: Bench) -> Iterator[Figure]:
    """Search by a new cover and then by the same cover with another genre, several times."""
    file = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    with open_stack(bench) as stack:
        pairs = asyncio.run(_pairs(stack.url, file, rounds=bench.pick(30, 4)))
    cold, again = (statistics.median(answer.took_ms for answer in side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(first.took_ms / second.took_ms for first, second in pairs)
    note = f"a new cover {cold:.1f} ms, the same cover with another genre {again:.1f} ms, at the client"
    yield Figure("embedding_cache.speedup", ratio, note)


async def _pairs(url: str, file: bytes, *, rounds: int) -> list[tuple[Answer, Answer]]:
    connection = await Connection.open(url)
    pairs = []
    for number in range(rounds + 1):
        cover = distinct(file, number)
        cold = await connection.ask(image_search(cover, genre=GENRES[0], wait=60))
        again = await connection.ask(image_search(cover, genre=GENRES[1], wait=60))
        if (cold.status, again.status) != (200, 200) or not stages_of(cold)["embed"]:
            raise RuntimeError(f"no cold query and its repetition: {cold.body[:200]!r} {again.body[:200]!r}")
        if again.headers["x-cache"] != "miss" or stages_of(again)["embed"]:
            raise RuntimeError("the repetition was answered from the result cache, or was embedded again")
        pairs.append((cold, again))
    connection.close()
    return pairs[1:]
