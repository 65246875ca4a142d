"""Write every album to a .csv, .jsonl or .parquet file that `ingest` can read."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.commands.command_runner import Call, Outcome
from catalog.export import export
from catalog.progress_bar import progress_bar
from catalog.writer.open_writer import open_checked_writer
from catalog.writer.paged_reads import all_albums


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the output file, the embeddings, the palettes and the prints."""
    parser.add_argument("output", type=Path)
    parser.add_argument("--embeddings", action="store_true", help="include the embeddings")
    parser.add_argument("--palettes", action="store_true", help="include the palettes of the covers")
    parser.add_argument("--prints", action="store_true", help="include the prints of the covers")


def run(call: Call) -> Outcome:
    """Write the file, which gets its name only when it is complete."""
    with (
        open_checked_writer(call.settings, call.console) as writer,
        progress_bar(call.console, str(call.options.output), total=writer.stats().total_albums) as bar,
    ):

        def counted() -> Iterator[dict[str, Any]]:
            for album in all_albums(writer, with_prints=call.options.prints):
                yield album
                bar.advance(1)

        export(
            counted(),
            call.options.output,
            embeddings=call.options.embeddings,
            palettes=call.options.palettes,
            prints=call.options.prints,
        )
        without = writer.embedding_counts().without
    if call.options.embeddings and without:
        call.console.print(f"{without} albums have no embedding: python -m catalog ingest --missing")
    return Outcome.DONE
