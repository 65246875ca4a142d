"""The list of commands; a new command is a module in this folder and an entry in this list."""

from catalog.commands import delete, demo, export, ingest, migrate, reembed, stats, verify
from catalog.commands.command_runner import Command
from catalog.commands.covers import palettes, prints, thumbnails

#: In the order of the help text.
COMMANDS: tuple[Command, ...] = (
    migrate,
    demo,
    ingest,
    thumbnails,
    palettes,
    prints,
    export,
    delete,
    stats,
    verify,
    reembed,
)
