"""Make the prints of covers that have none, by which photographs and editions of a cover are recognised.

The prints are the same as those of an ingest. If the command is interrupted, run it again to continue. At the
end, prints that no album has are deleted.
"""

import argparse
import os
from pathlib import Path

from rich.console import Console

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.missing.prints import GRACE_S, MissingPrints, PrintTally, damaged_prints
from catalog.ingest.report import Report, say_rejected
from catalog.ingest.table_ingest import BATCH
from catalog.progress_bar import progress_bar
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.protocol import PAGE, CatalogWriter
from common.errors import SettingsError
from common.prints import PRINT_VERSION
from common.settings import Settings
from common.validation.strict_numbers import positive_integer
from worker.decode.processes.pool import DecoderPool

_PROCESSES = os.cpu_count() or 1
#: The size in pixels of the square image for the model; this command makes no such image.
_UNUSED_SQUARE_PX = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the covers and the report."""
    add = parser.add_argument
    add(
        "--covers",
        type=Path,
        metavar="DIR",
        help="the folder of the covers that are files (default: COVERS_DIR)",
    )
    add(
        "--report",
        type=Path,
        default=Path("prints-rejected.csv"),
        help="file for the list of covers that cannot be read (%(default)s)",
    )
    add("--check", action="store_true", help="read every print, and make damaged ones again")
    add("--batch", type=positive_integer, default=BATCH, help="albums per write to the catalog (%(default)s)")
    add_fetching_arguments(parser)
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")


def run(call: Call) -> Outcome:
    """Make and write the missing prints, and print how many albums are still without one."""
    options, settings, console = call.options, call.settings, call.console
    folder = options.covers or settings.covers_dir
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"prints: there is no folder {folder}")
    with open_checked_writer(settings, console) as writer:
        stamp = writer.model_stamp()
        with (
            invalidating_cached_results(
                settings,
                console,
                model_fingerprint=None if stamp is None else stamp.fingerprint,
                keep_cache=options.keep_cache,
            ),
            Report(options.report) as report,
        ):
            if options.check:
                _delete_damaged(writer, console)
            tally = _make(call, writer, folder, report)
            # A deletion of no print would change the catalog's version, too, and so end all cached answers.
            has_unused = writer.count_unused_prints(grace_s=GRACE_S) > 0
            unused = writer.delete_unused_prints(grace_s=GRACE_S) if has_unused else 0
        left = writer.print_counts(version=PRINT_VERSION).to_make
    console.print(
        f"{tally.written} prints, {tally.changed} changed meanwhile, {left} albums still without a print, "
        f"{unused} unused prints deleted"
    )
    say_rejected(console, report)
    return Outcome.FINDINGS if left else Outcome.DONE


def _make(call: Call, writer: CatalogWriter, folder: Path | None, report: Report) -> PrintTally:
    options, settings = call.options, call.settings
    total = writer.print_counts(version=PRINT_VERSION).to_make
    with progress_bar(call.console, "prints", total=total) as bar, _decoders(settings) as decoders:
        return MissingPrints(
            writer=writer,
            covers=CatalogCovers(folder, open_fetcher(options, settings), settings.max_image_bytes),
            decoders=decoders,
            threads=_PROCESSES,
            decode_timeout_s=settings.decode_timeout_s,
            report=report,
            batch=options.batch,
            advance=bar.advance,
            skip=bar.skip,
        ).run()


def _delete_damaged(writer: CatalogWriter, console: Console) -> None:
    """Delete damaged prints, so that they are made again like missing ones."""
    damaged = list(damaged_prints(writer))
    for start in range(0, len(damaged), PAGE):
        writer.delete_prints(damaged[start : start + PAGE])
    console.print(f"{len(damaged)} damaged prints deleted")


def _decoders(settings: Settings) -> DecoderPool:
    return DecoderPool(
        size_px=_UNUSED_SQUARE_PX,
        max_pixels=settings.max_image_pixels,
        processes=_PROCESSES,
        timeout_s=settings.decode_timeout_s,
        makes_prints=True,
    )
