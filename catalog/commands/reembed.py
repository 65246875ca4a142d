"""Move the catalog in DATABASE_URL to another model or newer preprocessing, while searches continue.

A copy of the table is filled with the new embeddings and then replaces the live table in one transaction.
If the command is killed before the transaction, the same command continues where it stopped.
"""

import argparse
from pathlib import Path

import psycopg

from catalog.cache_invalidation import invalidate_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.database.vector_index import MEMORY_MIB
from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.embedding.local import open_local_embedder
from catalog.ingest.embedding.protocol import CoverEmbedder
from catalog.ingest.report import Report
from catalog.model_stamp import read_stamp, require_stamps
from catalog.progress_bar import progress_bar
from catalog.reembedding.backfill import Backfill
from catalog.reembedding.shadow_table import abandon, copy_progress, prepare, verify_copy
from catalog.reembedding.table_swap import index_copy, switch
from common.catalog.postgres_connections import open_connection
from common.catalog.protocol import ModelStamp
from common.errors import SettingsError
from common.validation.strict_numbers import positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the model, the covers, and albums whose cover is missing."""
    add = parser.add_argument
    add("--model", help="the model to move to (a value of CLIP_MODEL)")
    add("--covers", type=Path, metavar="DIR", help="the folder of the cover files")
    add(
        "--leave-out",
        action="store_true",
        help="switch although covers are missing; searches do not find those albums",
    )
    add("--abandon", action="store_true", help="delete the unfinished copy of an earlier call")
    add(
        "--report",
        type=Path,
        default=Path("reembed-rejected.csv"),
        help="file for the list of missing covers (%(default)s)",
    )
    add_fetching_arguments(parser)
    add("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")
    add(
        "--index-memory-mib",
        type=positive_integer,
        default=MEMORY_MIB,
        help="memory for building the new index (%(default)s)",
    )


def run(call: Call) -> Outcome:
    """Fill the copy of the table, verify the copy, and replace the live table with it."""
    url = call.require_database_url()
    with open_connection(url, autocommit=True) as connection:
        if call.options.abandon:
            abandon(connection)
            return Outcome.DONE
        if call.options.model is None:
            raise SettingsError("reembed: name the new model with --model")
        require_stamps(connection)
        with open_local_embedder(call.settings, model=call.options.model) as embedder:
            stamp = embedder.stamp
            current = read_stamp(connection)
            if current is not None and _is_same(current, stamp):
                call.console.print(f"the catalog's vectors come from {stamp.model} already")
            elif not _move(call, connection, embedder):
                return Outcome.FINDINGS
        if not call.options.keep_cache:
            invalidate_cached_results(call.settings, call.console, model_fingerprint=stamp.fingerprint)
    call.console.print(f"now restart the workers with CLIP_MODEL={call.options.model}", markup=False)
    return Outcome.DONE


def _is_same(current: ModelStamp, stamp: ModelStamp) -> bool:
    return (current.fingerprint, current.preprocessing) == (stamp.fingerprint, stamp.preprocessing)


def _move(call: Call, connection: psycopg.Connection, embedder: CoverEmbedder) -> bool:
    """Fill the copy and replace the live table with it; return False if covers are missing."""
    console, stamp = call.console, embedder.stamp
    prepare(connection, stamp)
    while True:
        rejected = _fill(call, connection, embedder)
        if rejected:
            console.print(f"{rejected} albums have no cover: they are in {call.options.report}", markup=False)
            if not call.options.leave_out:
                console.print(
                    "the table was not switched: correct these covers and run the command again, or add "
                    "--leave-out"
                )
                return False
        built = index_copy(connection, memory_mib=call.options.index_memory_mib)
        if built is not None:
            console.print(built.summary())
        verify_copy(connection)
        switched = switch(connection, stamp)
        if switched.done:
            console.print(f"switched to {stamp.model}; searches waited for {switched.locked_s * 1000:.0f} ms")
            return True
        console.print("albums changed during the run and are embedded again")


def _fill(call: Call, connection: psycopg.Connection, embedder: CoverEmbedder) -> int:
    options, settings = call.options, call.settings
    fetcher = open_fetcher(options, settings)
    progress = copy_progress(connection)
    with (
        Report(options.report) as report,
        progress_bar(
            call.console, embedder.stamp.model, total=progress.albums, completed=progress.copied
        ) as bar,
    ):
        return Backfill(
            connection=connection,
            embedder=embedder,
            covers=CatalogCovers(options.covers, fetcher, settings.max_image_bytes),
            report=report,
            leave_out=options.leave_out,
            advance=bar.advance,
        ).run()
