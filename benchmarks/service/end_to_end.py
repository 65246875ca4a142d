"""Measure whole queries, alone and under load: the time of each stage, and the overhead of the service."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.clients.load import Plan, Report, run_clients
from benchmarks.clients.pictures import kept_jpeg
from benchmarks.clients.texts import Texts, words_of
from benchmarks.harness.benchmark_context import DEMO_ALBUMS, STATE, Bench
from benchmarks.harness.cpu_usage import Usage, roots_of
from benchmarks.harness.interleaving import Comparison, interleaved
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import Stack, open_stack
from benchmarks.service.stages_chart import Bar, write_stages
from common.settings import Settings
from worker.batching import IMAGES_PER_CPU_BATCH
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder

NAMES = ("e2e.idle.overhead_share", "e2e.text.c32.efficiency", "e2e.image.c32.efficiency")
CLIENTS = 32
WORK = ("decode", "embed", "search")


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure single clients and many clients on one worker with a catalog of the demo's size."""
    words = words_of(bench.model())
    kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    with open_stack(bench) as stack:
        texts = Plan(stack.url, clients=1, warm_up_s=1, seconds=60, seed=1, words=words)
        images = replace(texts, picture=str(STATE / "pictures" / "640x640-1.jpg"), words=[])
        alone = {
            kind: run_clients(replace(plan, limit=bench.pick(60, 5)))
            for kind, plan in (("text", texts), ("image", images))
        }
        yield _overhead(alone["text"])
        encoder = load_encoder(
            str(bench.model()), kind="openvino", cache_dir=bench.model_cache, side_by_side=True
        )
        crowd = _Crowd(bench, stack)
        yield crowd.figure("text", texts, _texts_per_s(bench, encoder, words))
        yield crowd.figure("image", images, _images_per_s(bench, encoder))
        encoder.close()
    bars = [
        *(bar_of(f"one {kind} query", report) for kind, report in alone.items()),
        *(bar_of(f"{kind} queries of {CLIENTS} clients", report) for kind, report in crowd.reports.items()),
    ]
    write_stages(bars, quick=bench.quick)


def _overhead(report: Report) -> Figure:
    """Return the share of a query's latency that is not spent decoding, embedding or searching."""
    pairs = zip(report.took_ms, report.stages_ms, strict=True)
    overheads = [took - sum(stages[name] for name in WORK) for took, stages in pairs]
    share = statistics.median(over / took for over, took in zip(overheads, report.took_ms, strict=True))
    note = (
        f"{statistics.median(overheads):.1f} ms of {statistics.median(report.took_ms):.1f} ms at the client, "
        f"median of {report.answered} texts of ten words"
    )
    return Figure("e2e.idle.overhead_share", share, note)


class _Crowd:
    """Measures the throughput of 32 clients alternately with the throughput of the encoder alone."""

    def __init__(self, bench: Bench, stack: Stack) -> None:
        self._bench, self._stack = bench, stack
        self.reports: dict[str, Report] = {}

    def figure(self, kind: str, plan: Plan, alone_per_s: Callable[[], float]) -> Figure:
        """Compare the clients' queries per second with the throughput of the encoder alone."""
        shares: list[str] = []
        seeds = iter(range(1000, 2000))

        def served_per_s() -> float:
            seconds = self._bench.pick(10, 3)
            with Usage(roots_of(self._stack, postgres=self._bench.postgres.pid)) as usage:
                report = run_clients(
                    replace(plan, clients=CLIENTS, warm_up_s=2, seconds=seconds, seed=next(seeds))
                )
            self.reports[kind] = report
            shares.append(usage.summary())
            return report.per_s

        compared = interleaved(served_per_s, alone_per_s, rounds=self._bench.pick(3, 1), warm_up=False)
        return Figure(f"e2e.{kind}.c32.efficiency", compared.ours_over_theirs, _summary(compared, shares[-1]))


def _summary(compared: Comparison, shares: str) -> str:
    return (
        f"{compared.ours_median:.1f} queries/s, the encoder's best loop {compared.theirs_median:.1f}/s; "
        f"{DEMO_ALBUMS} albums; service and clients share the cores; cores used: {shares}"
    )


def _texts_per_s(bench: Bench, encoder: Encoder, words: list[str]) -> Callable[[], float]:
    texts = Texts(words, seed=9)
    size = Settings().batch_max
    batches = itertools.cycle([[texts.of(10) for _ in range(size)] for _ in range(100)])
    return lambda: _best_per_s(encoder, lambda: encoder.encode_texts(next(batches)), size, bench.pick(4, 1))


def _images_per_s(bench: Bench, encoder: Encoder) -> Callable[[], float]:
    shape = (IMAGES_PER_CPU_BATCH, encoder.input_size_px, encoder.input_size_px, 3)
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    return lambda: _best_per_s(encoder, lambda: encoder.encode_images(pixels), len(pixels), bench.pick(4, 1))


def _best_per_s(encoder: Encoder, encode: Callable[[], object], size: int, seconds: float) -> float:
    """Return the items per second of the encoder alone, sequentially or concurrently, whichever is faster."""
    return max(_loop_per_s(encode, size, seconds, callers=n) for n in {1, encoder.passes_at_once})


def _loop_per_s(encode: Callable[[], object], size: int, seconds: float, *, callers: int) -> float:
    """Return the encoder's items per second with `callers` threads and batches of `size`."""

    def batches() -> int:
        done = 0
        while time.perf_counter() - began < seconds:
            encode()
            done += 1
        return done

    with ThreadPoolExecutor(callers) as threads:
        # Warm up first, because the first pass in each of the encoder's parallel slots is slow.
        list(threads.map(lambda _: encode(), range(4 * callers)))
        began = time.perf_counter()
        done = sum(loop.result() for loop in [threads.submit(batches) for _ in range(callers)])
        return done * size / (time.perf_counter() - began)


def bar_of(label: str, report: Report) -> Bar:
    """Return the bar of a chart that shows the mean time of each stage."""
    took_ms = statistics.fmean(report.took_ms)
    stages = {
        name: statistics.fmean(stages[name] for stages in report.stages_ms) for name in ("queue", *WORK)
    }
    return Bar(label, {"http": took_ms - sum(stages.values()), **stages})
