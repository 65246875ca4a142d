"""Compute the palettes of albums that have none, such as albums that an earlier release ingested.

The palettes are the same as those of an ingest. If the command is killed, run it again to continue.
"""

import argparse
import os
from pathlib import Path

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.missing.palettes import MissingPalettes
from catalog.ingest.report import Report, say_rejected
from catalog.ingest.table_ingest import BATCH
from catalog.progress_bar import progress_bar
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.protocol import CatalogWriter
from common.colours.palette import PALETTE_VERSION
from common.errors import ModelMismatch, SettingsError
from common.settings import Settings
from common.validation.strict_numbers import positive_integer
from worker.decode.processes.pool import DecoderPool
from worker.encoder.load_encoder import read_model_input

_PROCESSES = os.cpu_count() or 1


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
        default=Path("palettes-rejected.csv"),
        help="file for the list of covers that cannot be read (%(default)s)",
    )
    add("--batch", type=positive_integer, default=BATCH, help="albums per write to the catalog (%(default)s)")
    add_fetching_arguments(parser)
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")


def run(call: Call) -> Outcome:
    """Compute and write the missing palettes, and print how many albums are still without one."""
    options, settings, console = call.options, call.settings, call.console
    folder = options.covers or settings.covers_dir
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"palettes: there is no folder {folder}")
    model = read_model_input(settings.clip_model, kind=settings.encoder)
    with open_checked_writer(settings, console) as writer:
        _require_model(writer, model.fingerprint)
        with (
            invalidating_cached_results(
                settings, console, model_fingerprint=model.fingerprint, keep_cache=options.keep_cache
            ),
            Report(options.report) as report,
            progress_bar(
                console, "palettes", total=writer.count_without_palette(version=PALETTE_VERSION)
            ) as bar,
            _decoders(settings, size_px=model.size_px) as decoders,
        ):
            tally = MissingPalettes(
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
        left = writer.count_without_palette(version=PALETTE_VERSION)
    console.print(
        f"{tally.written} palettes, {tally.changed} changed meanwhile, {left} albums still without a palette"
    )
    say_rejected(console, report)
    return Outcome.FINDINGS if left else Outcome.DONE


def _require_model(writer: CatalogWriter, fingerprint: str) -> None:
    """Check that CLIP_MODEL is the catalog's model, because palettes are made from the model's input.

    Raises:
        ModelMismatch: the catalog's embeddings come from another model.
    """
    stamp = writer.model_stamp()
    if stamp is not None and stamp.fingerprint != fingerprint:
        raise ModelMismatch(f"the catalog's vectors come from {stamp.model}: set CLIP_MODEL to this model")


def _decoders(settings: Settings, *, size_px: int) -> DecoderPool:
    return DecoderPool(
        size_px=size_px,
        max_pixels=settings.max_image_pixels,
        processes=_PROCESSES,
        timeout_s=settings.decode_timeout_s,
    )
