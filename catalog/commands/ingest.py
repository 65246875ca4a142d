"""Load albums and covers from a table or a folder of music, or embed albums that have no embedding.

A second run processes only new and changed rows, even if the first run was killed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from catalog.commands.command_runner import Call, Outcome
from catalog.commands.ingest_run import (
    count_prints,
    indexed,
    invalidating,
    load,
    open_tools,
    say_palettes,
    say_prints,
    say_thumbnails,
)
from catalog.commands.music_ingest import run_music
from catalog.database.vector_index import MEMORY_MIB
from catalog.ingest.album_source import (
    AlbumSource,
    add_source_arguments,
    open_album_source,
    report_path,
    require_other_files,
)
from catalog.ingest.columns.fields import METADATA
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import open_fetcher
from catalog.ingest.dry_run import show_albums
from catalog.ingest.missing.embeddings import MissingEmbeddings
from catalog.ingest.music.command_line_options import add_music_arguments
from catalog.ingest.report import Report, say_rejected
from catalog.ingest.table_ingest import BATCH
from catalog.ingest.thumbnail_storage import open_thumbnail_storage
from catalog.ingest_progress import (
    Counts,
    reported_bar,
    reported_ingest,
)
from common.colours.palette import PALETTE_VERSION
from common.errors import SettingsError
from common.ingest_reports.report import IngestPhase
from common.settings import ALL_KEYS
from common.validation.strict_numbers import positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the table, its covers, its column mapping, and the embedding."""
    add_source_arguments(parser, optional=True)
    add_music_arguments(parser)
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
    add("--no-prints", action="store_true", help="make no prints; python -m catalog prints makes them later")
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")
    add(
        "--index-memory-mib",
        type=positive_integer,
        default=MEMORY_MIB,
        help="memory for building the index after a first load (%(default)s)",
    )


def run(call: Call) -> Outcome:
    """Ingest the table or the music, write the report, and print what was written and rejected."""
    options, console = call.options, call.console
    if options.missing and options.music is not None:
        raise SettingsError("ingest: give --missing or --music, not both")
    if options.music is not None:
        return run_music(call)
    if options.prune or options.watch or options.yes or options.state is not None:
        raise SettingsError("ingest: --prune, --yes, --watch and --state belong to --music")
    if options.missing:
        return _run_missing(call)
    if options.table is None:
        raise SettingsError("ingest: give a table, or --music FOLDER, or --missing")
    source = open_album_source(
        options, call.settings, recheck=options.recheck_covers, dry_run=options.dry_run
    )
    _say_how_read(console, source, public_keys=call.settings.public_metadata)
    if options.dry_run:
        return Outcome.DONE if show_albums(source, console) else Outcome.FINDINGS
    require_other_files(options)
    name = source.table.path.name
    with (
        reported_ingest(call.settings, console, name=name, source="table") as progress,
        open_tools(call) as tools,
    ):
        loaded = load(
            call,
            tools,
            source,
            progress=progress,
            name=name,
            total=source.table.count,
            report_path=report_path(options),
            cover_url=options.cover_url or source.cover_url_template,
        )
    if loaded.tally.not_fetched:
        console.print(
            f"{loaded.tally.not_fetched} covers have the address that they were fetched from before, and "
            "were not fetched again; --recheck-covers asks whether they have changed"
        )
    return loaded.outcome


def _run_missing(call: Call) -> Outcome:
    options, settings, console = call.options, call.settings, call.console
    _require_no_table(options)
    folder = settings.covers_dir if options.covers is None else Path(options.covers)
    if folder is not None and not folder.is_dir():
        named = "COVERS_DIR" if options.covers is None else "--covers"
        raise SettingsError(f"{named} {folder}: there is no such folder")
    fetcher = open_fetcher(options, settings)
    thumbnails = open_thumbnail_storage(settings)
    with (
        reported_ingest(settings, console, name="albums without an embedding", source="missing") as progress,
        open_tools(call) as tools,
    ):
        writer = tools.writer
        total = writer.embedding_counts().without
        with (
            invalidating(call, tools),
            Report(options.report or Path("missing-rejected.csv")) as report,
            reported_bar(console, "missing", total=total, phase=IngestPhase.ALBUMS, progress=progress) as bar,
            indexed(settings, console, memory_mib=options.index_memory_mib, progress=progress),
        ):
            ingest = MissingEmbeddings(
                writer=writer,
                embedder=tools.embedder,
                covers=CatalogCovers(folder, fetcher, settings.max_image_bytes),
                report=report,
                batch=options.batch,
                advance=bar.advance,
                skip=bar.skip,
                thumbnails=thumbnails,
                makes_prints=not options.no_prints,
            )
            progress.rejected = report
            progress.counts = lambda: Counts(changed=ingest.tally.embedded)
            tally = ingest.run()
        left = writer.embedding_counts().without
        without_palette = writer.count_without_palette(version=PALETTE_VERSION)
        prints = count_prints(call, writer)
    console.print(
        f"{tally.embedded} embedded, {tally.changed} changed by others during the run, "
        f"{left} without an embedding"
    )
    say_rejected(console, report)
    say_palettes(console, without=without_palette)
    say_thumbnails(console, thumbnails)
    say_prints(console, prints)
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
