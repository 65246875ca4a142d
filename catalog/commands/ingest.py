"""Load albums and covers from a table or a folder of music, or embed albums that have no embedding.

A second run processes only new and changed rows, even if the first run was killed.
"""

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from rich.console import Console

from catalog.commands.command_runner import Call, Outcome
from catalog.commands.ingest_run import (
    IngestTools,
    count_prints,
    indexed,
    invalidating,
    load,
    open_tools,
    say_palettes,
    say_prints,
    say_thumbnails,
)
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
from catalog.ingest.music.command_line_options import add_music_arguments, music_report_path, open_music
from catalog.ingest.music.library import MusicLibrary
from catalog.ingest.music.pruning import delete_gone, find_gone
from catalog.ingest.music.watching import SCAN_EVERY_S, watch_folder
from catalog.ingest.report import Report, say_rejected
from catalog.ingest.table_ingest import BATCH
from catalog.ingest.thumbnail_storage import open_thumbnail_storage
from catalog.ingest_progress import (
    Counts,
    IngestProgress,
    folder_ingest_id,
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
        return _run_music(call)
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


def _run_music(call: Call) -> Outcome:
    """Load a music folder, and with --watch load it again after every change."""
    with open_music(call.options, call.settings) as library:
        if call.options.watch:
            _follow_music(call, library)
            return Outcome.DONE
        with _reported_music(call, library) as progress, open_tools(call) as tools:
            changed = _find_music(call, library, progress)
            return _load_music(call, tools, library, changed=changed, progress=progress)


def _reported_music(call: Call, library: MusicLibrary) -> AbstractContextManager[IngestProgress]:
    return reported_ingest(
        call.settings,
        call.console,
        name=_name_of(library),
        source="music",
        ingest_id=folder_ingest_id(library.root),
    )


def _name_of(library: MusicLibrary) -> str:
    return library.root.resolve().name or "music"


def _follow_music(call: Call, library: MusicLibrary) -> None:
    def say(fault: str) -> None:
        call.console.print(
            f"the folder cannot be watched ({fault}); it is scanned every {SCAN_EVERY_S:.0f} s instead",
            style="yellow",
            markup=False,
        )

    with ExitStack() as opened:
        tools: IngestTools | None = None
        loaded = ""
        for _ in watch_folder(library.root, on_fault=say):
            with ExitStack() as reported:
                progress = None
                if tools is None:
                    progress = reported.enter_context(_reported_music(call, library))
                    tools = opened.enter_context(open_tools(call))
                    changed = _find_music(call, library, progress)
                else:
                    changed = _find_music_again(call, library)
                version = library.version()
                if version == loaded:
                    continue
                if progress is None:
                    progress = reported.enter_context(_reported_music(call, library))
                _load_music(call, tools, library, changed=changed, progress=progress)
                loaded = version
            call.console.print("waiting for changes; Ctrl-C ends")


def _find_music_again(call: Call, library: MusicLibrary) -> int:
    """Walk through the folder again, and return the number of new and changed files.

    A walk that finds no change must not replace the report of the last load, so only a failure is reported.
    """
    try:
        return _find_music(call, library, None)
    except BaseException:
        with _reported_music(call, library):
            raise


def _find_music(call: Call, library: MusicLibrary, progress: IngestProgress | None) -> int:
    """Walk through the folder, and return the number of new and changed files."""
    may_be_empty = call.options.prune and call.options.yes
    if library.track_count or progress is None:
        return library.find_files(may_be_empty=may_be_empty)
    # The number of files is not known before the end of the first walk.
    with reported_bar(call.console, "tags", total=None, phase=IngestPhase.TAGS, progress=progress) as bar:
        library.find_files(may_be_empty=may_be_empty, while_walking=bar.advance)
    return library.track_count


def _load_music(
    call: Call, tools: IngestTools, library: MusicLibrary, *, changed: int, progress: IngestProgress
) -> Outcome:
    options, console = call.options, call.console
    unread = library.unread_count
    with reported_bar(console, "tags", total=unread, phase=IngestPhase.TAGS, progress=progress) as bar:
        library.read_changed_files(advance=bar.advance)
    name = _name_of(library)
    console.print(
        f"{name}: {library.track_count} tracks in {library.album_count} albums; "
        f"{changed} new or changed files were read",
        markup=False,
    )
    if call.settings.thumbnail_dir is None and options.cover_url is None:
        console.print("THUMBNAIL_DIR is not set, so clients get no pictures of these albums")
    path = music_report_path(options)
    loaded = load(
        call,
        tools,
        library,
        progress=progress,
        name=name,
        total=library.row_count,
        report_path=path,
        cover_url=options.cover_url,
    )
    return max(loaded.outcome, _prune(call, tools, library, progress))


def _prune(call: Call, tools: IngestTools, library: MusicLibrary, progress: IngestProgress) -> Outcome:
    """Delete, or only count, the albums in the catalog that are gone from the music folder."""
    options, console = call.options, call.console
    gone = find_gone(library, tools.writer)
    if not gone.ids:
        return Outcome.DONE
    if not options.prune:
        console.print(
            f"{len(gone.ids)} albums are gone from the folder; --prune deletes them from the catalog"
        )
        return Outcome.DONE
    if gone.needs_confirmation and not options.yes:
        console.print(
            f"{len(gone.ids)} of {gone.in_catalog} albums are gone from the folder. This is more than a "
            "fifth, so none was deleted; if they really are gone, add --yes",
            style="yellow",
        )
        return Outcome.FINDINGS
    progress.begin(IngestPhase.PRUNING, total=None)
    with invalidating(call, tools):
        deleted = delete_gone(tools.writer, gone)
    progress.deleted = deleted
    console.print(f"{deleted} albums that are gone from the folder were deleted")
    return Outcome.DONE


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
