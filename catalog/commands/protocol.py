"""What a command is to the command line."""

import argparse
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from catalog.commands.outcome import Outcome
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: what was typed, the settings, and where to speak."""

    options: argparse.Namespace
    settings: Settings
    console: Console


class Command(Protocol):
    """A module of this package: its docstring is the command's description."""

    __name__: str
    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, call: Call) -> Outcome: ...
