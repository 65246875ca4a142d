"""Train, fine-tune and evaluate models (docs/training.md).

The exit status is 0 on success, 1 if rows of a table were rejected, and 2 if the command failed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from common.validation.strict_numbers import whole_number
from worker.encoder.checkpoint import INSTALL_TORCH

try:
    import torch
    from transformers.utils.logging import disable_progress_bar
except ModuleNotFoundError as error:
    sys.exit(f"training: {error.name} is not installed: {INSTALL_TORCH}")

from catalog.commands.command_runner import Command, command_parser, run_command
from common.logs import configure_logging
from training.commands import evaluate, finetune, phrases, pretrain, refine

COMMANDS: tuple[Command, ...] = (pretrain, refine, finetune, evaluate, phrases)


def parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    top = command_parser("training", about=__doc__, commands=COMMANDS)
    top.add_argument(
        "--threads", type=whole_number, default=0, help="CPU threads for torch; 0: one for every core"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    quieten: Callable[[], None] = disable_progress_bar  # untyped in transformers
    # The progress bars of the transformers library are disabled, because they would disrupt this program's
    # own.
    quieten()
    return run_command("training", options, resume_hint="the same command continues from its last checkpoint")


if __name__ == "__main__":
    # Commands print human-readable output; log records of libraries below level WARNING are hidden.
    configure_logging("training", "WARNING")
    sys.exit(main())
