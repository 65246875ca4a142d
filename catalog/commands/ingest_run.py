"""Runs one ingest for a command: opens its tools, shows its progress, and prints its result."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.database.vector_index import build_index, drop_index_if_empty
from catalog.ingest.album_source import notes_path
from catalog.ingest.embedding.distributed import open_distributed_embedder
from catalog.ingest.embedding.local import open_local_embedder
from catalog.ingest.embedding.protocol import CoverEmbedder
from catalog.ingest.report import Notes, Report, say_rejected
from catalog.ingest.table_ingest import Ingest, Source, Tally
from catalog.ingest.thumbnail_storage import ThumbnailStorage, open_thumbnail_storage
from catalog.ingest_progress import Counts, IngestProgress, reported_bar
from catalog.model_stamp import claim_catalog
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.protocol import CatalogWriter, PrintCounts
from common.catalog.postgres_connections import open_connection
from common.colours.palette import PALETTE_VERSION
from common.ingest_reports.report import IngestPhase
from common.prints import PRINT_VERSION
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class IngestTools:
    """The tools of one command, which may run several ingests."""

    embedder: CoverEmbedder
    writer: CatalogWriter


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of one ingest."""

    tally: Tally
    outcome: Outcome


@contextmanager
def open_tools(call: Call) -> Iterator[IngestTools]:
    """Open the embedder and the catalog, and check that the catalog has no vectors of another model."""
    # A folder of thumbnails that cannot be written is reported before the model is loaded.
    open_thumbnail_storage(call.settings)
    with _embedder(call) as embedder, open_checked_writer(call.settings, call.console) as writer:
        _claim(call.console, writer, embedder)
        yield IngestTools(embedder, writer)


def load(
    call: Call,
    tools: IngestTools,
    source: Source,
    *,
    progress: IngestProgress,
    name: str,
    total: int,
    report_path: Path,
    cover_url: str | None,
) -> Loaded:
    """Run one ingest and print its result."""
    options, console, writer = call.options, call.console, tools.writer
    thumbnails = open_thumbnail_storage(call.settings)
    with (
        invalidating(call, tools),
        Report(report_path) as report,
        Notes(notes_path(report_path)) as notes,
        reported_bar(console, name, total=total, phase=IngestPhase.ALBUMS, progress=progress) as bar,
        indexed(call.settings, console, memory_mib=options.index_memory_mib, progress=progress),
    ):
        ingest = Ingest(
            source=source,
            writer=writer,
            embedder=tools.embedder,
            report=report,
            notes=notes,
            cover_url=cover_url,
            batch=options.batch,
            advance=bar.advance,
            skip=bar.skip,
            thumbnails=thumbnails,
            makes_prints=not options.no_prints,
        )
        progress.rejected = report
        progress.counts = partial(_counts, ingest.tally)
        tally = ingest.run()
    without_palette = writer.count_without_palette(version=PALETTE_VERSION)
    prints = count_prints(call, writer)
    _say(console, tally, report)
    say_palettes(console, without=without_palette)
    say_thumbnails(console, thumbnails)
    say_prints(console, prints)
    _say_notes(console, notes)
    return Loaded(tally, Outcome.FINDINGS if tally.rejected or notes.counts else Outcome.DONE)


def _counts(tally: Tally) -> Counts:
    return Counts(added=tally.added, changed=tally.written - tally.added, unchanged=tally.unchanged)


def invalidating(call: Call, tools: IngestTools) -> AbstractContextManager[None]:
    """Invalidate cached results after the `with` block, unless the operator keeps them."""
    return invalidating_cached_results(
        call.settings,
        call.console,
        model_fingerprint=tools.embedder.stamp.fingerprint,
        keep_cache=call.options.keep_cache,
    )


def _claim(console: Console, writer: CatalogWriter, embedder: CoverEmbedder) -> None:
    if not claim_catalog(writer, embedder.stamp):
        console.print(
            f"the catalog does not say which model made its vectors; this run assumes {embedder.stamp.model}",
            style="yellow",
            markup=False,
        )


def _embedder(call: Call) -> AbstractContextManager[CoverEmbedder]:
    if call.options.distributed:
        return open_distributed_embedder(call.settings)
    return open_local_embedder(call.settings, makes_prints=not call.options.no_prints)


@contextmanager
def indexed(
    settings: Settings, console: Console, *, memory_mib: int, progress: IngestProgress
) -> Iterator[None]:
    """Drop the index before a first load, and build it after the `with` block if it is missing."""
    if settings.database_url is None:
        # PostgREST cannot drop or build an index, so the database adds each row to the existing index.
        yield
        return
    url = settings.database_url.get_secret_value()
    with open_connection(url) as connection:
        if drop_index_if_empty(connection):
            console.print("first load: the index is built afterwards")
    yield

    def starting(rows: int) -> None:
        progress.begin(IngestPhase.INDEX, total=None)
        console.print(f"indexing {rows} albums")

    with open_connection(url, autocommit=True) as connection:
        built = build_index(connection, memory_mib=memory_mib, starting=starting)
        if built is not None:
            connection.execute("VACUUM (ANALYZE) album_covers")
            console.print(built.summary())


def _say(console: Console, tally: Tally, report: Report) -> None:
    console.print(f"{tally.written} written, {tally.unchanged} unchanged, {tally.rejected} rejected")
    say_rejected(console, report)


def say_palettes(console: Console, *, without: int) -> None:
    """Print how many albums have no palette."""
    if without:
        console.print(f"{without} albums have no palette: python -m catalog palettes")


def say_thumbnails(console: Console, thumbnails: ThumbnailStorage | None) -> None:
    """Print how many covers got thumbnails."""
    for finding in () if thumbnails is None else thumbnails.findings():
        console.print(finding, markup=False)


def count_prints(call: Call, writer: CatalogWriter) -> PrintCounts | None:
    """Count the albums without a print, unless the operator wants no prints."""
    return None if call.options.no_prints else writer.print_counts(version=PRINT_VERSION)


def say_prints(console: Console, prints: PrintCounts | None) -> None:
    """Print how many albums have no print; `prints` is None if the operator wants no prints."""
    if prints is not None and prints.to_make:
        console.print(f"{prints.to_make} albums have no print: python -m catalog prints")


def _say_notes(console: Console, notes: Notes) -> None:
    """Print the number of notes for each column and reason, with one example each."""
    if not notes.counts:
        return
    console.print("values that were left out or changed:")
    for (column, reason), count in notes.counts.most_common():
        example = notes.examples[column, reason]
        console.print(
            f"  {count} {column}: {reason}, such as row {example.row}: {example.detail}", markup=False
        )
    console.print(f"all of them are in {notes.path}", markup=False)
