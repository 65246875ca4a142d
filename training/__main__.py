"""Command line of training: `python -m training pretrain | evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training import evaluation, pretrain

_DEMO_MODEL = Path("models/demo")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads that torch may use")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_pretrain(commands.add_parser("pretrain", help="train the demo CLIP from nothing"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model on covers it has not seen"))
    return parser


def _add_pretrain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=_DEMO_MODEL)
    parser.add_argument(
        "--work", type=Path, default=Path(".state/training"), help="drawings, checkpoint, log"
    )
    parser.add_argument("--steps", type=int, default=4200)
    parser.add_argument("--covers", type=int, default=32_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--learning-rate", type=float, default=1e-3)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=_DEMO_MODEL)
    parser.add_argument("--covers", type=int, default=2000)
    parser.add_argument(
        "--each-distortion", action="store_true", help="measure every distortion on its own too"
    )
    parser.add_argument("--output", type=Path, help="folder for the report; default is the model's")


def main() -> None:
    """Run one command."""
    wanted = _parser().parse_args()
    torch.set_num_threads(wanted.threads)
    if wanted.command == "pretrain":
        pretrain.pretrain(
            output=wanted.output,
            work=wanted.work,
            steps=wanted.steps,
            covers=wanted.covers,
            seed=wanted.seed,
            learning_rate=wanted.learning_rate,
        )
    else:
        evaluation.evaluate(
            model_folder=wanted.model,
            covers=wanted.covers,
            output=wanted.output or wanted.model,
            each_distortion=wanted.each_distortion,
        )


if __name__ == "__main__":
    main()
