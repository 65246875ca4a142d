"""The operators' tools: `python -m catalog COMMAND`, configured by the environment (docs/catalog.md).

The exit status is 0 when all is done, 1 when there is something to look at, 2 when it could not be done.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import psycopg
from rich.console import Console

from catalog.commands import delete, demo, export, ingest, migrate, reembed, stats, verify
from catalog.commands.outcome import Outcome
from catalog.commands.protocol import Call, Command
from common.errors import CoverSearchError
from common.settings import load_settings

COMMANDS: tuple[Command, ...] = (migrate, demo, ingest, export, delete, stats, verify, reembed)


def parser() -> argparse.ArgumentParser:
    """Return the command line with every command."""
    whole = argparse.ArgumentParser(prog="python -m catalog", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        about = (command.__doc__ or "").partition("\n")[0]
        part = commands.add_parser(name, help=about, description=command.__doc__)
        part.set_defaults(run=command.run)
        command.add_arguments(part)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    # Standard output is for what was asked for.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        outcome: Outcome = options.run(Call(options, load_settings(os.environ), console))
    except CoverSearchError as error:
        console.print(f"catalog: {error.code}: {error.detail}", style="red", markup=False)
        return Outcome.FAILED
    except psycopg.Error as error:
        console.print(f"catalog: the database refused: {str(error).strip()}", style="red", markup=False)
        return Outcome.FAILED
    except OSError as error:
        # A file that cannot be read or written: by its name, its folder's rights, or for want of room.
        console.print(f"catalog: {_told(error)}", style="red", markup=False)
        return Outcome.FAILED
    except KeyboardInterrupt:
        console.print("catalog: interrupted; the same command goes on where this one stopped")
        return Outcome.FAILED
    return outcome


def _told(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


if __name__ == "__main__":
    sys.exit(main())
