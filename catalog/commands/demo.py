"""Load the demo catalog into DATABASE_URL: draw its covers, write them to COVERS_DIR, and embed them."""

import argparse

from catalog.cache_invalidation import invalidate_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.demo.loading import load_demo
from catalog.progress_bar import progress_bar
from common.errors import SettingsError
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
    with progress_bar(call.console, "demo catalog", total=call.options.albums) as bar:
        loaded = load_demo(
            call.require_database_url(),
            count=call.options.albums,
            covers=settings.covers_dir,
            settings=settings,
            advance=bar.advance,
        )
        if not loaded:
            bar.skip(call.options.albums)
    if loaded:
        fingerprint = find_model(settings.clip_model).fingerprint
        invalidate_cached_results(settings, call.console, model_fingerprint=fingerprint)
    call.console.print("loaded" if loaded else "the demo catalog is loaded already")
    return Outcome.DONE
