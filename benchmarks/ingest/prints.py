"""Measure prints of covers: their size, the time that they add to an ingest, and the time of reading them."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import psycopg

from benchmarks.clients.pictures import kept_jpeg
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from benchmarks.ingest.covers import material
from benchmarks.ingest.throughput import ingested_per_s
from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import cover_jpeg
from catalog.ingest.embedding.local import open_local_embedder
from catalog.writer.postgres import PostgresWriter
from common.catalog.protocol import PRINTS_MAX
from common.images.cost.estimate import MAX_COST_S
from common.prints import Print
from common.settings import Settings
from worker.decode.processes import wire_format
from worker.decode.processes.process import DecoderLimits, DecoderProcess
from worker.decode.processes.wire_format import Wanted

NAMES = ("prints.ingest_ratio", "prints.cpu_ms", "prints.bytes", "prints.read_ms")
_SIDE_PX = 640
_MODEL_INPUT_PX = 224
_DECODE_S = 60.0
_BASE64 = "SELECT album_prints(%s, 1)"
#: The same prints as `album_prints` returns, but in hexadecimal digits.
_HEX = """
SELECT json_object_agg(p.album_id, json_build_object(
  'version', p.version, 'side_px', p.side_px, 'points', encode(p.points, 'hex'),
  'thumbnail', encode(p.thumbnail, 'hex'), 'pdq', encode(substr(bit_send(p.pdq), 5), 'hex')))
FROM cover_prints p JOIN album_covers a ON a.id = p.album_id
WHERE p.album_id = ANY (%s) AND p.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Ingest with and without prints, make prints in a decoder process, and read prints from the catalog."""
    url = bench.catalog(1)
    yield _ingest_ratio(bench, url)
    yield from _costs(bench)
    yield _reading(bench, url)


def _ingest_ratio(bench: Bench, url: str) -> Figure:
    """Alternately ingest a table with and without prints; the last ingest leaves prints in the catalog."""
    made = material(bench.pick(100, 40))
    settings = Settings(clip_model=str(bench.model()), model_cache_dir=bench.model_cache, encoder="openvino")
    with open_local_embedder(settings, makes_prints=True) as embedder:
        compared = interleaved(
            lambda: ingested_per_s(made, embedder, url, bench.new_folder("report")),
            lambda: ingested_per_s(made, embedder, url, bench.new_folder("report"), makes_prints=True),
            rounds=bench.pick(3, 1),
        )
    rounds = ", ".join(f"{a / b:.2f}" for a, b in zip(compared.ours, compared.theirs, strict=True))
    note = (
        f"{compared.theirs_median:.1f} covers/s with prints, {compared.ours_median:.1f}/s with --no-prints; "
        f"{made.table.parent.name}, JPEG of {_SIDE_PX} px, ViT-B/32's size; ratio by round {rounds}"
    )
    return Figure(NAMES[0], compared.ours_over_theirs, note)


def _costs(bench: Bench) -> Iterator[Figure]:
    limits = DecoderLimits(
        size_px=_MODEL_INPUT_PX, max_pixels=50_000_000, cpu_s=MAX_COST_S, makes_prints=True
    )
    decoder = DecoderProcess(limits)
    drawn = [cover_jpeg(album, size_px=_SIDE_PX) for album in demo_albums(bench.pick(100, 10))]
    grainy = [kept_jpeg(STATE / "pictures", _SIDE_PX, _SIDE_PX, seed=seed) for seed in range(4)]
    added = {name: _added_ms(decoder, files) for name, files in (("drawn", drawn), ("grainy", grainy))}
    by_kind = ", ".join(
        f"{name} covers {statistics.median(ms):.0f} ms (at most {max(ms):.0f})" for name, ms in added.items()
    )
    yield Figure(NAMES[1], statistics.median([*added["drawn"], *added["grainy"]]), f"of one core; {by_kind}")
    sizes = [_print(decoder, file).size_bytes for file in (*drawn, *grainy)]
    decoder.end()
    note = f"the largest of {len(sizes)}; {statistics.median(sizes):.0f} in the median"
    yield Figure(NAMES[2], max(sizes), note)


def _added_ms(decoder: DecoderProcess, files: Sequence[bytes]) -> list[float]:
    """Return how much more CPU time each cover takes with a print."""
    _ask(decoder, files[0], Wanted.PIXELS | Wanted.PRINT)
    return [
        (_ask(decoder, file, Wanted.PIXELS | Wanted.PRINT).cpu_s - _ask(decoder, file, Wanted.PIXELS).cpu_s)
        * 1000
        for file in files
    ]


def _print(decoder: DecoderProcess, file: bytes) -> Print:
    made = wire_format.unpack_files(Wanted.PRINT, _ask(decoder, file, Wanted.PRINT).body).cover_print
    if made is None:
        raise RuntimeError("a drawn cover has no print")
    return made


def _ask(decoder: DecoderProcess, file: bytes, wanted: Wanted) -> wire_format.Reply:
    return decoder.ask(wire_format.Request(wanted, file), deadline=time.monotonic() + _DECODE_S)


def _reading(bench: Bench, url: str) -> Figure:
    """Read the prints of as many albums as one call returns."""
    rounds = bench.pick(30, 3)
    with closing(PostgresWriter(url)) as writer, psycopg.connect(url) as connection:
        found = connection.execute("SELECT album_id FROM cover_prints LIMIT %s", [PRINTS_MAX]).fetchall()
        ids = [str(row[0]) for row in found]
        read_ms = _median_ms(lambda: writer.prints(ids), rounds)
        base64_ms = _median_ms(lambda: connection.execute(_BASE64, [ids]).fetchone(), rounds)
        hex_ms = _median_ms(lambda: connection.execute(_HEX, [ids]).fetchone(), rounds)
        sent = connection.execute(f"SELECT octet_length(({_BASE64})::text)", [ids]).fetchone()
        in_hex = connection.execute(f"SELECT octet_length(({_HEX})::text)", [ids]).fetchone()
    assert sent is not None and in_hex is not None  # noqa: PT018 - both are aggregates
    note = (
        f"{len(ids)} albums, decoded and validated; the document alone takes {base64_ms:.1f} ms and "
        f"{sent[0] / 1024:.0f} KiB in base64, and {hex_ms:.1f} ms and {in_hex[0] / 1024:.0f} KiB in hex"
    )
    return Figure(NAMES[3], read_ms, note)


def _median_ms(call: Callable[[], object], rounds: int) -> float:
    call()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
