"""Update the schema of the database at DATABASE_URL."""

import argparse

from catalog.commands.command_runner import Call, Outcome
from catalog.database.migrations import apply_migrations


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(call: Call) -> Outcome:
    """Apply the SQL files that the database lacks, and print their names."""
    applied = apply_migrations(call.require_database_url())
    call.console.print(f"applied {', '.join(applied)}" if applied else "the schema is up to date")
    return Outcome.DONE
