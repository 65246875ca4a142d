"""Bring the schema of DATABASE_URL up to date."""

import argparse

from catalog.commands.outcome import Outcome
from catalog.commands.protocol import Call
from catalog.database.migrations import apply_migrations
from catalog.settings import require_database_url


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none."""


def run(call: Call) -> Outcome:
    """Apply the SQL files that the database lacks, and name them."""
    applied = apply_migrations(require_database_url(call.settings))
    call.console.print(f"applied {', '.join(applied)}" if applied else "the schema is up to date")
    return Outcome.DONE
