"""Making, tuning and measuring models: `python -m training COMMAND` (docs/training.md).

The exit status is 0 when all is done, 1 when there is something to look at, 2 when it could not be done.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import torch
from rich.console import Console
from transformers.utils.logging import disable_progress_bar

from catalog.commands.outcome import Outcome
from catalog.commands.protocol import Call, Command
from common.errors import CoverSearchError
from common.settings import load_settings
from training.commands import evaluate, finetune, pretrain

COMMANDS: tuple[Command, ...] = (pretrain, finetune, evaluate)


def parser() -> argparse.ArgumentParser:
    """Return the command line with every command."""
    top = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    top.add_argument("--threads", type=int, default=0, help="CPU threads that torch may use; 0: every core")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        about = (command.__doc__ or "").partition("\n")[0]
        part = commands.add_parser(name, help=about, description=command.__doc__)
        part.set_defaults(run=command.run)
        command.add_arguments(part)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    quieten: Callable[[], None] = disable_progress_bar  # untyped in transformers
    # Its bars for loading and writing weights would break into ours.
    quieten()
    # Standard output is for what was asked for.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        outcome: Outcome = options.run(Call(options, load_settings(os.environ), console))
    except CoverSearchError as error:
        console.print(f"training: {error.code}: {error.detail}", style="red", markup=False)
        return Outcome.FAILED
    except KeyboardInterrupt:
        console.print("training: interrupted; the same command goes on from its last checkpoint")
        return Outcome.FAILED
    return outcome


if __name__ == "__main__":
    sys.exit(main())
