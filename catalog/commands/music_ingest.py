"""Loads a folder of music, and follows its changes: the part of `ingest` behind --music."""

from contextlib import AbstractContextManager, ExitStack

from catalog.commands.command_runner import Call, Outcome
from catalog.commands.ingest_run import IngestTools, invalidating, load, open_tools
from catalog.ingest.music.command_line_options import music_report_path, open_music
from catalog.ingest.music.library import MusicLibrary
from catalog.ingest.music.pruning import delete_gone, find_gone
from catalog.ingest.music.watching import SCAN_EVERY_S, watch_folder
from catalog.ingest_progress import IngestProgress, folder_ingest_id, reported_bar, reported_ingest
from common.ingest_reports.report import IngestPhase


def run_music(call: Call) -> Outcome:
    """Load the folder that --music names, and with --watch load it again after every change."""
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
