"""Show the catalog's statistics and the model that made its embeddings."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from catalog.commands.command_runner import Call, Outcome
from catalog.verification import preprocessing_seen
from catalog.writer.open_writer import open_checked_writer
from common.catalog.protocol import CatalogStats, ModelStamp
from common.colours.palette import PALETTE_VERSION
from common.prints import PRINT_VERSION


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the output format."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(call: Call) -> Outcome:
    """Print the statistics on standard output."""
    with open_checked_writer(call.settings, call.console) as writer:
        stats, stamp = writer.stats(), writer.model_stamp()
        without = writer.embedding_counts().without
        without_palette = writer.count_without_palette(version=PALETTE_VERSION)
        without_print = writer.print_counts(version=PRINT_VERSION).to_make
    out = Console(highlight=False)
    if call.options.json:
        document = asdict(stats) | {
            "without_embedding": without,
            "without_palette": without_palette,
            "without_print": without_print,
            "model": None if stamp is None else asdict(stamp),
        }
        out.print_json(orjson.dumps(document).decode())
    else:
        lacking = {
            "embedding": (without, "ingest --missing"),
            "palette": (without_palette, "palettes"),
            "print": (without_print, "prints"),
        }
        out.print(_figures(stats, stamp, lacking))
    return Outcome.DONE


def _figures(stats: CatalogStats, stamp: ModelStamp | None, lacking: Mapping[str, tuple[int, str]]) -> Table:
    """Return the table; `lacking` maps what albums lack to their number and the command that makes it."""
    table = Table(show_header=False)
    table.add_row("albums", str(stats.total_albums))
    for name, (count, command) in lacking.items():
        table.add_row(f"without {name}", f"{count}: python -m catalog {command}" if count else "0")
    table.add_row("model", "not stamped" if stamp is None else f"{stamp.model} ({stamp.fingerprint[:12]})")
    if stamp is not None:
        table.add_row("preprocessing", preprocessing_seen(stamp))
    table.add_row("years", _span(stats.year_min, stats.year_max))
    table.add_row("scores", _span(stats.score_min, stats.score_max))
    table.add_row("best new music", str(stats.best_new_music_count))
    for genre in stats.genres:
        table.add_row(genre.genre, str(genre.count))
    return table


def _span(first: float | None, last: float | None) -> str:
    return "none" if first is None else f"{first:g} to {last:g}"
