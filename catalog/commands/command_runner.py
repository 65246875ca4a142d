"""The command line: its parser, its exit status, and its error messages on standard error.

The packages `catalog` and `training` both use this module.
"""

import argparse
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import psycopg
from rich.console import Console

from common.errors import CoverSearchError, SettingsError
from common.processes.program_name import command_name
from common.settings import Settings, load_settings


class Outcome(IntEnum):
    """The exit status of a command, with the same meanings as for `grep` and `diff`."""

    #: The command did everything, or every check passed.
    DONE = 0
    #: The command ran to its end, but rejected rows or a failed check need the operator's attention.
    FINDINGS = 1
    #: The command failed.
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: its arguments, the settings, and the console that prints to standard error."""

    options: argparse.Namespace
    settings: Settings
    console: Console

    def require_database_url(self) -> str:
        """Return DATABASE_URL.

        Raises:
            SettingsError: DATABASE_URL is not set.
        """
        if self.settings.database_url is None:
            raise SettingsError(
                "DATABASE_URL: this command needs PostgreSQL itself, by a URL such as "
                "postgresql://user:password@host:5432/database (Supabase: Connect; direct or by a pooler)"
            )
        return self.settings.database_url.get_secret_value()


class Command(Protocol):
    """A module that defines one command; the module's name and docstring name and describe the command."""

    __name__: str
    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, call: Call) -> Outcome: ...


def command_parser(
    package: str, *, about: str | None, commands: Sequence[Command]
) -> argparse.ArgumentParser:
    """Return the parser of a package's commands, with a subparser for every command."""
    parser = argparse.ArgumentParser(prog=command_name(package, module=package), description=about)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        name = command.__name__.rpartition(".")[2]
        headline = (command.__doc__ or "").partition("\n")[0]
        subparser = subparsers.add_parser(name, help=headline, description=command.__doc__)
        subparser.set_defaults(run=command.run)
        command.add_arguments(subparser)
    return parser


def run_command(package: str, options: argparse.Namespace, *, resume_hint: str) -> int:
    """Run the chosen command and return its exit status.

    Print `resume_hint` if Ctrl-C or SIGTERM interrupts the command.
    """
    # Standard output is for results only.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with _terminated_like_ctrl_c():
            outcome: Outcome = options.run(Call(options, load_settings(os.environ), console))
    except CoverSearchError as error:
        failure = f"{error.code}: {error.detail}"
    except psycopg.Error as error:
        failure = f"the database refused: {str(error).strip()}"
    except OSError as error:
        # A file cannot be read or written, for instance because it does not exist or the disk is full.
        failure = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    except KeyboardInterrupt:
        console.print(f"{package}: interrupted; {resume_hint}")
        return Outcome.FAILED
    else:
        return outcome
    console.print(f"{package}: {failure}", style="red", markup=False)
    return Outcome.FAILED


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM, which service managers and `make run` send, as Ctrl-C while the `with` block runs."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
