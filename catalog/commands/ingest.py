"""Load albums and covers from a table, or with --missing embed the catalog's albums without an embedding.

A second run processes only new and changed rows, even if the first run was killed.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.database.vector_index import MEMORY_MIB, build_index, drop_index_if_empty
from catalog.ingest.album_source import (
    AlbumSource,
    add_source_arguments,
    notes_path,
    open_album_source,
    report_path,
    require_other_files,
)
from catalog.ingest.columns.fields import METADATA
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import open_fetcher
from catalog.ingest.dry_run import show_albums
from catalog.ingest.embedding.distributed import open_distributed_embedder
from catalog.ingest.embedding.local import open_local_embedder
from catalog.ingest.embedding.protocol import CoverEmbedder
from catalog.ingest.missing_embeddings import MissingEmbeddings
from catalog.ingest.report import Notes, Report, say_rejected
from catalog.ingest.table_ingest import BATCH, Ingest, Tally
from catalog.ingest.thumbnail_storage import ThumbnailStorage, open_thumbnail_storage
from catalog.model_stamp import claim_catalog
from catalog.progress_bar import progress_bar
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.protocol import CatalogWriter
from common.catalog.postgres_connections import open_connection
from common.colours.palette import PALETTE_VERSION
from common.errors import SettingsError
from common.settings import ALL_KEYS, Settings
from common.validation.strict_numbers import positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the table, its covers, its column mapping, and the embedding."""
    add_source_arguments(parser, optional=True)
    add = parser.add_argument
    add(
        "--missing",
        action="store_true",
        help="without a table: embed the catalog's albums that have no embedding, from their covers",
    )
    add(
        "--cover-url",
        metavar="TEMPLATE",
        help="cover_url for clients, if the table has none: '/covers/{file}', or with '{id}'",
    )
    add(
        "--dry-run",
        action="store_true",
        help="show ten rows as they would become albums, and the rows that would be rejected; write nothing",
    )
    add(
        "--recheck-covers",
        action="store_true",
        help="ask hosts whether covers that were fetched before have changed",
    )
    add(
        "--distributed",
        action="store_true",
        help="embed on the running workers, at lower priority than searches",
    )
    add("--batch", type=positive_integer, default=BATCH, help="albums per write to the catalog (%(default)s)")
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")
    add(
        "--index-memory-mib",
        type=positive_integer,
        default=MEMORY_MIB,
        help="memory for building the index after a first load (%(default)s)",
    )


def run(call: Call) -> Outcome:
    """Ingest the table, write the report and notes, and print the numbers of written and rejected rows."""
    options, console = call.options, call.console
    if options.missing:
        return _run_missing(call)
    if options.table is None:
        raise SettingsError("ingest: give a table, or --missing")
    source = open_album_source(
        options, call.settings, recheck=options.recheck_covers, dry_run=options.dry_run
    )
    _say_how_read(console, source, public_keys=call.settings.public_metadata)
    if options.dry_run:
        return Outcome.DONE if show_albums(source, console) else Outcome.FINDINGS
    require_other_files(options)
    thumbnails = open_thumbnail_storage(call.settings)
    with _embedder(call) as embedder, open_checked_writer(call.settings, call.console) as writer:
        _claim(console, writer, embedder)
        telling = invalidating_cached_results(
            call.settings,
            console,
            model_fingerprint=embedder.stamp.fingerprint,
            keep_cache=options.keep_cache,
        )
        with (
            telling,
            Report(report_path(options)) as report,
            Notes(notes_path(options)) as notes,
            progress_bar(console, source.table.path.name, total=source.table.count) as bar,
            _indexed(call.settings, console, memory_mib=options.index_memory_mib),
        ):
            tally = Ingest(
                source=source,
                writer=writer,
                embedder=embedder,
                report=report,
                notes=notes,
                cover_url=options.cover_url or source.cover_url_template,
                batch=options.batch,
                advance=bar.advance,
                skip=bar.skip,
                thumbnails=thumbnails,
            ).run()
        without_palette = writer.count_without_palette(version=PALETTE_VERSION)
    _say(console, tally, report)
    _say_palettes(console, without=without_palette)
    _say_thumbnails(console, thumbnails)
    _say_notes(console, notes)
    return Outcome.FINDINGS if tally.rejected or notes.counts else Outcome.DONE


def _run_missing(call: Call) -> Outcome:
    options, settings, console = call.options, call.settings, call.console
    _require_no_table(options)
    folder = settings.covers_dir if options.covers is None else Path(options.covers)
    if folder is not None and not folder.is_dir():
        named = "COVERS_DIR" if options.covers is None else "--covers"
        raise SettingsError(f"{named} {folder}: there is no such folder")
    fetcher = open_fetcher(options, settings)
    thumbnails = open_thumbnail_storage(settings)
    with _embedder(call) as embedder, open_checked_writer(call.settings, call.console) as writer:
        _claim(console, writer, embedder)
        with (
            invalidating_cached_results(
                settings,
                console,
                model_fingerprint=embedder.stamp.fingerprint,
                keep_cache=options.keep_cache,
            ),
            Report(options.report or Path("missing-rejected.csv")) as report,
            progress_bar(console, "missing", total=writer.embedding_counts().without) as bar,
            _indexed(settings, console, memory_mib=options.index_memory_mib),
        ):
            tally = MissingEmbeddings(
                writer=writer,
                embedder=embedder,
                covers=CatalogCovers(folder, fetcher, settings.max_image_bytes),
                report=report,
                batch=options.batch,
                advance=bar.advance,
                skip=bar.skip,
                thumbnails=thumbnails,
            ).run()
        left = writer.embedding_counts().without
        without_palette = writer.count_without_palette(version=PALETTE_VERSION)
    console.print(
        f"{tally.embedded} embedded, {tally.changed} changed by others during the run, "
        f"{left} without an embedding"
    )
    say_rejected(console, report)
    _say_palettes(console, without=without_palette)
    _say_thumbnails(console, thumbnails)
    return Outcome.FINDINGS if left else Outcome.DONE


def _require_no_table(options: argparse.Namespace) -> None:
    of_table = (
        options.table,
        options.preset,
        options.cover_url,
        options.map or None,
        options.dry_run or None,
    )
    if any(option is not None for option in of_table):
        raise SettingsError(
            "ingest --missing takes no table, no --map, no --preset, no --cover-url and no --dry-run"
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
    return open_local_embedder(call.settings)


@contextmanager
def _indexed(settings: Settings, console: Console, *, memory_mib: int) -> Iterator[None]:
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
    with open_connection(url, autocommit=True) as connection:
        built = build_index(
            connection, memory_mib=memory_mib, starting=lambda rows: console.print(f"indexing {rows} albums")
        )
        if built is not None:
            connection.execute("VACUUM (ANALYZE) album_covers")
            console.print(built.summary())


def _say_how_read(console: Console, source: AlbumSource, *, public_keys: Sequence[str]) -> None:
    console.print(source.table.described(), markup=False)
    for line in source.mapping():
        console.print(line, markup=False)
    if left_out := source.columns.unnamed_columns(source.table.columns):
        console.print(f"columns without a name are left out: {', '.join(left_out)}", markup=False)
    if stored := _stored_as_metadata(source):
        console.print(f"stored as metadata: {', '.join(stored)}", markup=False)
        console.print(f"{_readers_of_metadata(public_keys)} (setting PUBLIC_METADATA)", markup=False)


def _stored_as_metadata(source: AlbumSource) -> list[str]:
    stored = []
    for name in source.columns.metadata_columns(source.table.columns):
        key = source.columns.metadata_key(name)
        stored.append(printable(name) if key == name else f"{printable(name)} (as {key})")
    column = source.columns.columns.get(METADATA)
    return stored if column is None else [*stored, f"the keys of the column {printable(column)}"]


def _readers_of_metadata(public_keys: Sequence[str]) -> str:
    if ALL_KEYS in public_keys:
        return "clients of the service can read all of it, and filter by it"
    if not public_keys:
        return "clients of the service cannot read it, nor filter by it"
    return f"clients of the service can read, and filter by, only these keys: {', '.join(public_keys)}"


def _say(console: Console, tally: Tally, report: Report) -> None:
    console.print(f"{tally.written} written, {tally.unchanged} unchanged, {tally.rejected} rejected")
    say_rejected(console, report)
    if tally.not_fetched:
        console.print(
            f"{tally.not_fetched} covers have the address that they were fetched from before, and were not "
            "fetched again; --recheck-covers asks whether they have changed"
        )


def _say_palettes(console: Console, *, without: int) -> None:
    if without:
        console.print(f"{without} albums have no palette: python -m catalog palettes")


def _say_thumbnails(console: Console, thumbnails: ThumbnailStorage | None) -> None:
    for finding in () if thumbnails is None else thumbnails.findings():
        console.print(finding, markup=False)


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
