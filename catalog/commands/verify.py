"""Check that searches can find every album: schema, model, embeddings, index, covers, thumbnails, prints."""

import argparse
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from catalog.commands.command_runner import Call, Outcome
from catalog.ingest.thumbnail_storage import open_thumbnail_storage
from catalog.verification import verify
from catalog.writer.open_writer import open_writer
from worker.encoder.model_files import find_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the expected model, the folder of covers, and the output format."""
    parser.add_argument(
        "--model", help="fail unless the embeddings come from this model (a value of CLIP_MODEL)"
    )
    parser.add_argument("--covers", type=Path, metavar="DIR", help="check the cover files in this folder too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(call: Call) -> Outcome:
    """Print the result of each check on standard output."""
    model = call.options.model
    fingerprint = None if model is None else find_model(model).fingerprint
    with open_writer(call.settings) as writer:
        checks = list(
            verify(
                writer,
                fingerprint=fingerprint,
                covers=call.options.covers,
                thumbnails=open_thumbnail_storage(call.settings, writes=False),
            )
        )
    out = Console(highlight=False)
    if call.options.json:
        out.print_json(orjson.dumps([asdict(check) for check in checks]).decode())
    else:
        table = Table(show_header=False)
        for check in checks:
            table.add_row("[green]ok[/green]" if check.holds else "[red]FAILS[/red]", check.name, check.seen)
        out.print(table)
    return Outcome.DONE if all(check.holds for check in checks) else Outcome.FINDINGS
