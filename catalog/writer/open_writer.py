"""Opens the catalog given in the settings for writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import CatalogWriter
from catalog.writer.supabase import SupabaseWriter
from common.errors import SettingsError
from common.settings import Settings


@contextmanager
def open_writer(settings: Settings) -> Iterator[CatalogWriter]:
    """Yield a writer for DATABASE_URL, or for Supabase if DATABASE_URL is not set.

    DATABASE_URL is preferred, because only a database connection can build the index after a load. The writer
    connects to the catalog at its first call.

    Raises:
        SettingsError: neither DATABASE_URL nor Supabase is set.
    """
    writer = _writer(settings)
    try:
        yield writer
    finally:
        writer.close()


@contextmanager
def open_checked_writer(settings: Settings, console: Console) -> Iterator[CatalogWriter]:
    """Yield a writer, after printing the catalog's warnings.

    Raises:
        CatalogUnavailable: the catalog does not answer.
        CatalogMisconfigured: the schema, the key or the extension is wrong.
    """
    with open_writer(settings) as writer:
        for fault in writer.warnings():
            console.print(f"warning: {fault.reason}", style="yellow", markup=False)
        yield writer


def _writer(settings: Settings) -> CatalogWriter:
    if settings.database_url is not None:
        return PostgresWriter(settings.database_url.get_secret_value())
    if settings.supabase_url is not None and settings.supabase_key is not None:
        return SupabaseWriter(settings.supabase_url, settings.supabase_key.get_secret_value())
    raise SettingsError("no catalog is set: DATABASE_URL, or SUPABASE_URL with SUPABASE_KEY")
