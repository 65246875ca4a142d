"""The catalog that a command works on, opened; what is set up wrongly in it is said first."""

from collections.abc import Iterator
from contextlib import contextmanager

from catalog.commands.protocol import Call
from catalog.writer.open_writer import open_writer
from catalog.writer.protocol import CatalogWriter


@contextmanager
def open_checked_writer(call: Call) -> Iterator[CatalogWriter]:
    """Lend a writer to the catalog of the settings, and warn of what is wrong with it.

    Raises:
        CatalogUnavailable, CatalogMisconfigured: it does not answer, or cannot be worked on.
    """
    with open_writer(call.settings) as writer:
        for fault in writer.warnings():
            call.console.print(f"warning: {fault.reason}", style="yellow", markup=False)
        yield writer
