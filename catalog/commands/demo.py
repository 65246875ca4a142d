"""Load the demo catalog into DATABASE_URL: draw its covers, write them to COVERS_DIR, and embed them."""

import argparse
from functools import partial

from catalog.cache_invalidation import invalidate_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.demo.loading import load_demo
from catalog.ingest_progress import Counts, reported_bar, reported_ingest
from common.errors import SettingsError
from common.ingest_reports.report import IngestPhase
from common.validation.strict_numbers import positive_integer
from worker.encoder.model_files import find_model

DEMO_ALBUMS = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the number of albums."""
    parser.add_argument(
        "--albums", type=positive_integer, default=DEMO_ALBUMS, help="how many albums (default: %(default)s)"
    )


def run(call: Call) -> Outcome:
    """Load the demo catalog unless it is already loaded, and invalidate cached results."""
    settings = call.settings
    if settings.covers_dir is None:
        raise SettingsError("COVERS_DIR: the folder that the demo's covers go to")
    albums = call.options.albums
    with (
        reported_ingest(
            settings, call.console, name="demo catalog", source="demo", ingest_id="demo"
        ) as progress,
        reported_bar(
            call.console, "demo catalog", total=albums, phase=IngestPhase.ALBUMS, progress=progress
        ) as bar,
    ):
        loaded = load_demo(
            call.require_database_url(),
            count=albums,
            covers=settings.covers_dir,
            settings=settings,
            advance=bar.advance,
        )
        if not loaded:
            bar.skip(albums)
        progress.counts = partial(Counts, added=albums) if loaded else partial(Counts, unchanged=albums)
    if loaded:
        fingerprint = find_model(settings.clip_model).fingerprint
        invalidate_cached_results(settings, call.console, model_fingerprint=fingerprint)
    call.console.print("loaded" if loaded else "the demo catalog is loaded already")
    return Outcome.DONE
