"""Draw a picture of the demo covers that a model finds first for twenty phrases that people type."""

import argparse
from pathlib import Path

from catalog.commands.command_runner import Call, Outcome
from catalog.demo.albums import DEMO_SEED, demo_albums
from catalog.demo.drawing.cover import draw_cover
from common.validation.strict_numbers import positive_integer, whole_number
from training.commands.arguments import add_device_argument
from training.evaluation.encoder import Encoder
from training.evaluation.phrase_sheet import PHRASES, phrase_sheet
from training.model.base_model import choose_device
from training.progress_bar import with_progress_bar
from worker.encoder.checkpoint import read_config
from worker.encoder.model_files import find_model

_SIZE_PX = 224


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the picture, the model and the covers."""
    add = parser.add_argument
    add("output", type=Path, help="file for the picture, such as phrases.jpg")
    add("--model", default="models/demo", help="a model's folder, or its name on the hub (%(default)s)")
    add("--count", type=positive_integer, default=2000, help="number of demo covers (%(default)s)")
    add(
        "--seed",
        type=whole_number,
        default=DEMO_SEED,
        help="seed of the covers (%(default)s, the demo catalog's)",
    )
    add("--phrase", action="append", metavar="PHRASE", help="search for this phrase, not for the twenty")
    add_device_argument(parser)


def run(call: Call) -> Outcome:
    """Draw the covers, search for each phrase, and write the picture."""
    options = call.options
    folder = find_model(options.model).folder
    read_config(folder)
    encoder = Encoder.load(folder, device=choose_device(options.device))
    albums = demo_albums(options.count, seed=options.seed)
    pictures = [draw_cover(album, size_px=_SIZE_PX) for album in with_progress_bar(albums, "drawing")]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    phrase_sheet(encoder, pictures, phrases=options.phrase or PHRASES).save(options.output)
    call.console.print(f"wrote {options.output}")
    return Outcome.DONE
