"""Make thumbnails in THUMBNAIL_DIR for albums that have none; with --prune, remove thumbnails.

A second run makes only the thumbnails that are still missing, even if the first run was killed. Covers at
other hosts are skipped unless THUMBNAIL_REMOTE_COVERS is `allow`. If it is `never`, --prune also removes the
thumbnails of covers at other hosts.
"""

import argparse
import os
from collections import Counter
from pathlib import Path

from rich.console import Console

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.missing.thumbnails import REMOTE, MissingThumbnails, ThumbnailTally
from catalog.ingest.report import Report
from catalog.ingest.thumbnail_storage import ThumbnailStorage, open_thumbnail_storage
from catalog.progress_bar import progress_bar
from catalog.thumbnail_folder import GRACE_S
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.paged_reads import all_thumbnails
from catalog.writer.protocol import PAGE
from common.errors import SettingsError
from worker.decode.processes.pool import DecoderPool

#: The size in pixels of the square image for the model; this command makes no such image.
_UNUSED_SQUARE_PX = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the covers, the report, and the check and removal of files."""
    add = parser.add_argument
    add("--covers", type=Path, metavar="DIR", help="the folder of the covers that are files (COVERS_DIR)")
    add(
        "--check-files",
        action="store_true",
        help="read every thumbnail that exists, and make damaged ones again",
    )
    add("--prune", action="store_true", help="make nothing; remove thumbnails that are unused or not allowed")
    add(
        "--report",
        type=Path,
        default=Path("thumbnails-rejected.csv"),
        help="file for the list of albums without thumbnails (%(default)s)",
    )
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")
    add_fetching_arguments(parser)


def run(call: Call) -> Outcome:
    """Make missing thumbnails, or remove unused and disallowed thumbnails, and print the numbers."""
    storage = open_thumbnail_storage(call.settings)
    if storage is None:
        raise SettingsError("THUMBNAIL_DIR: name the folder of thumbnails, which the gateway serves")
    if call.options.prune:
        return _prune(call, storage)
    covers = call.options.covers or call.settings.covers_dir
    if covers is not None and not covers.is_dir():
        named = "COVERS_DIR" if call.options.covers is None else "--covers"
        raise SettingsError(f"{named} {covers}: there is no such folder")
    with Report(call.options.report) as report:
        tally = _make(call, storage, covers, report)
    call.console.print(f"{tally.made} made, {tally.kept} there already, {tally.rejected} skipped")
    _say_skipped(call.console, report.reasons, report.path)
    return Outcome.FINDINGS if tally.rejected > report.reasons[REMOTE] else Outcome.DONE


def _make(call: Call, storage: ThumbnailStorage, covers: Path | None, report: Report) -> ThumbnailTally:
    options, settings = call.options, call.settings
    processes = os.cpu_count() or 1
    fetcher = open_fetcher(options, settings)
    with (
        open_checked_writer(settings, call.console) as writer,
        DecoderPool(
            size_px=_UNUSED_SQUARE_PX,
            max_pixels=settings.max_image_pixels,
            processes=processes,
            timeout_s=settings.decode_timeout_s,
        ) as decoders,
    ):
        stamp = writer.model_stamp()
        with (
            invalidating_cached_results(
                settings,
                call.console,
                model_fingerprint=None if stamp is None else stamp.fingerprint,
                keep_cache=options.keep_cache,
            ),
            progress_bar(call.console, "thumbnails", total=writer.stats().total_albums) as bar,
        ):
            return MissingThumbnails(
                writer=writer,
                covers=CatalogCovers(covers, fetcher, settings.max_image_bytes),
                decoders=decoders,
                threads=processes,
                decode_timeout_s=settings.decode_timeout_s,
                storage=storage,
                checks_files=options.check_files,
                report=report,
                advance=bar.advance,
                skip=bar.skip,
            ).run()


def _say_skipped(console: Console, reasons: Counter[str], path: Path) -> None:
    for reason, count in reasons.most_common():
        console.print(f"  {count} {reason}", markup=False)
    if reasons:
        console.print(f"the skipped albums are in {path}", markup=False)
    if reasons[REMOTE]:
        console.print(
            "thumbnails are copies that this service publishes: if you may publish copies of covers at other "
            "hosts, set THUMBNAIL_REMOTE_COVERS=allow"
        )


def _prune(call: Call, storage: ThumbnailStorage) -> Outcome:
    with open_checked_writer(call.settings, call.console) as writer:
        disallowed = storage.disallowed(all_thumbnails(writer))
        remote = sum(
            writer.delete_thumbnails(disallowed[start : start + PAGE])
            for start in range(0, len(disallowed), PAGE)
        )
        covers = writer.delete_unused_thumbnails(grace_s=GRACE_S)
        used = {digest for thumbnails in writer.thumbnail_files() for digest in thumbnails.digests()}
        removed = storage.folder.remove_unused(used)
    if remote:
        call.console.print(
            f"the thumbnails of {remote} covers at other hosts removed: THUMBNAIL_REMOTE_COVERS is never"
        )
    call.console.print(
        f"{covers} unused covers and {removed.files} files ({removed.size_bytes / 2**20:.1f} MiB) removed; "
        f"what was made in the last {GRACE_S / 60:.0f} minutes is kept, because an ingest may need it"
    )
    return Outcome.DONE
