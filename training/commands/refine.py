"""Train the demo CLIP further on pairs of covers that differ in one attribute, at a larger input size."""

import argparse
from pathlib import Path

from catalog.commands.command_runner import Call, Outcome
from common.validation.strict_numbers import decimal_number, positive_integer, whole_number
from training.refine import refine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the model, the output folder and the schedule."""
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/demo"), help="folder of the model (%(default)s)")
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the refined model")
    add(
        "--work",
        type=Path,
        default=Path(".state/training"),
        help="folder for drawn covers, checkpoint and log (%(default)s)",
    )
    add("--steps", type=positive_integer, default=2000, help="(%(default)s)")
    add("--covers", type=positive_integer, default=32_000, help="half of them are counterparts (%(default)s)")
    add("--size-px", type=positive_integer, default=112, help="size of the pictures (%(default)s)")
    add("--seed", type=whole_number, default=7, help="(%(default)s)")
    add("--learning-rate", type=decimal_number, default=4e-4, help="(%(default)s)")


def run(call: Call) -> Outcome:
    """Train and write the model."""
    wanted = call.options
    refine(
        base=wanted.model,
        output=wanted.output,
        work=wanted.work,
        steps=wanted.steps,
        covers=wanted.covers,
        size_px=wanted.size_px,
        seed=wanted.seed,
        learning_rate=wanted.learning_rate,
    )
    return Outcome.DONE
