"""Compare an ingest's speed with the encoder alone, to find the cost of reading, decoding and writing."""

import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from benchmarks.ingest.covers import Material, material
from catalog.ingest.album_source import AlbumSource
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.embedding.local import LocalEmbedder, open_local_embedder
from catalog.ingest.report import Notes, Report
from catalog.ingest.table_ingest import BATCH, Ingest
from catalog.ingest.tables.table import open_table
from catalog.writer.postgres import PostgresWriter
from common.settings import Settings
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder

NAME = "ingest.covers.efficiency"
_BATCH_SIZES = (8, 16)


def measure(bench: Bench) -> Figure:
    """Alternately ingest a table and run the encoder alone."""
    made = material(bench.pick(200, 24))
    url = bench.catalog(1)
    settings = Settings(clip_model=str(bench.model()), model_cache_dir=bench.model_cache, encoder="openvino")
    alone = load_encoder(settings.clip_model, kind="openvino", cache_dir=bench.model_cache)
    count = open_table(made.table).count
    with open_local_embedder(settings) as embedder, closing(alone):
        best = max(_BATCH_SIZES, key=lambda size: _encoded_per_s(alone, size, count=4 * size))
        compared = interleaved(
            lambda: ingested_per_s(made, embedder, url, bench.new_folder("report")),
            # Ingest and encoder process the same number of covers, so that other load affects both equally.
            lambda: _encoded_per_s(alone, best, count=count),
            rounds=bench.pick(5, 1),
        )
    rounds = ", ".join(f"{a / b:.2f}" for a, b in zip(compared.ours, compared.theirs, strict=True))
    note = (
        f"{compared.ours_median:.1f} covers/s with {made.table.parent.name}, the encoder alone "
        f"{compared.theirs_median:.1f}/s at its best batch size; JPEG of 640 x 640, without prints; "
        f"ratio by round {rounds}"
    )
    return Figure(NAME, compared.ours_over_theirs, note)


def ingested_per_s(
    made: Material, embedder: LocalEmbedder, url: str, folder: Path, *, makes_prints: bool = False
) -> float:
    """Ingest a table into an empty catalog, and return the number of covers per second."""
    with psycopg.connect(url) as connection:
        # A first load also writes without the index, which is built once at the end.
        connection.execute("DROP INDEX IF EXISTS album_covers_embedding_hnsw")
        connection.execute("TRUNCATE album_covers, cover_prints")
    table = open_table(made.table)
    with (
        closing(PostgresWriter(url)) as writer,
        Report(folder / "rejected.csv") as report,
        Notes(folder / "notes.csv") as notes,
    ):
        ingest = Ingest(
            source=AlbumSource(table, ColumnMap.of(table.columns, {}), CoverFolder(made.covers, 10 << 20)),
            writer=writer,
            embedder=embedder,
            report=report,
            notes=notes,
            cover_url=None,
            batch=BATCH,
            advance=lambda _done: None,
            skip=lambda _done: None,
            makes_prints=makes_prints,
        )
        began = time.perf_counter()
        tally = ingest.run()
        took_s = time.perf_counter() - began
    if tally.written != table.count:
        raise RuntimeError(f"not every row was written: {tally}")
    return tally.written / took_s


def _encoded_per_s(encoder: Encoder, size: int, *, count: int) -> float:
    side = encoder.input_size_px
    pixels = np.random.default_rng(1).integers(0, 256, (size, side, side, 3), dtype=np.uint8)
    encoder.encode_images(pixels)
    passes = max(1, count // size)
    began = time.perf_counter()
    for _ in range(passes):
        encoder.encode_images(pixels)
    return passes * size / (time.perf_counter() - began)
