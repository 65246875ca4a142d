"""Train the demo CLIP from scratch, on covers that this project generates."""

import argparse
from pathlib import Path

from catalog.commands.command_runner import Call, Outcome
from common.validation.strict_numbers import decimal_number, positive_integer, whole_number
from training.pretrain import pretrain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the output folder and the schedule."""
    add = parser.add_argument
    add("--output", type=Path, default=Path("models/demo"))
    add(
        "--work",
        type=Path,
        default=Path(".state/training"),
        help="folder for drawn covers, checkpoint and log (%(default)s)",
    )
    add("--steps", type=positive_integer, default=4200)
    add("--covers", type=positive_integer, default=32_000)
    add("--seed", type=whole_number, default=7)
    add("--learning-rate", type=decimal_number, default=1e-3)


def run(call: Call) -> Outcome:
    """Train and write the model."""
    wanted = call.options
    pretrain(
        output=wanted.output,
        work=wanted.work,
        steps=wanted.steps,
        covers=wanted.covers,
        seed=wanted.seed,
        learning_rate=wanted.learning_rate,
    )
    return Outcome.DONE
