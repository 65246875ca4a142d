"""A command line of commands: its parser, and where a failure becomes a sentence and an exit status."""

import argparse
import os
from collections.abc import Sequence

import psycopg
from rich.console import Console

from catalog.commands.outcome import Outcome
from catalog.commands.protocol import Call, Command
from common.errors import CoverSearchError
from common.settings import load_settings


def command_parser(
    package: str, *, about: str | None, commands: Sequence[Command]
) -> argparse.ArgumentParser:
    """Return the command line of `python -m PACKAGE` with every command."""
    whole = argparse.ArgumentParser(prog=f"python -m {package}", description=about)
    parts = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        name = command.__name__.rpartition(".")[2]
        headline = (command.__doc__ or "").partition("\n")[0]
        part = parts.add_parser(name, help=headline, description=command.__doc__)
        part.set_defaults(run=command.run)
        command.add_arguments(part)
    return whole


def run_command(package: str, options: argparse.Namespace, *, goes_on: str) -> int:
    """Run the command that was asked for and return its exit status; `goes_on` is told who interrupts it."""
    # Standard output is for what was asked for.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        outcome: Outcome = options.run(Call(options, load_settings(os.environ), console))
    except CoverSearchError as error:
        failure = f"{error.code}: {error.detail}"
    except psycopg.Error as error:
        failure = f"the database refused: {str(error).strip()}"
    except OSError as error:
        # A file that cannot be read or written: by its name, its folder's rights, or for want of room.
        failure = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    except KeyboardInterrupt:
        console.print(f"{package}: interrupted; {goes_on}")
        return Outcome.FAILED
    else:
        return outcome
    console.print(f"{package}: {failure}", style="red", markup=False)
    return Outcome.FAILED
