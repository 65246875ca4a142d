"""The operators' tools, configured by environment variables (docs/catalog.md).

The exit status is 0 if everything is done, 1 if something needs the operator's attention, and 2 if the
command failed.
"""

import argparse
import sys
from collections.abc import Sequence

from catalog.commands.all_commands import COMMANDS
from catalog.commands.command_runner import command_parser, run_command
from common.logs import configure_logging


def parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    return command_parser("catalog", about=__doc__, commands=COMMANDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    return run_command("catalog", options, resume_hint="the same command continues where this one stopped")


if __name__ == "__main__":
    # Commands print human-readable output; log records of libraries below level WARNING are hidden.
    configure_logging("catalog", "WARNING")
    sys.exit(main())
