"""Which catalog the tools write to, from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import CatalogWriter
from catalog.writer.supabase import SupabaseWriter
from common.errors import SettingsError
from common.settings import Settings


@contextmanager
def open_writer(settings: Settings) -> Iterator[CatalogWriter]:
    """Lend a writer to the database if its URL is set, else to Supabase; nothing is connected yet.

    The database first: it alone can build an index after a load.

    Raises:
        SettingsError: neither is set.
    """
    writer = _writer(settings)
    try:
        yield writer
    finally:
        writer.close()


def _writer(settings: Settings) -> CatalogWriter:
    if settings.database_url is not None:
        return PostgresWriter(settings.database_url.get_secret_value())
    if settings.supabase_url is not None and settings.supabase_key is not None:
        return SupabaseWriter(settings.supabase_url, settings.supabase_key.get_secret_value())
    raise SettingsError("no catalog is set: DATABASE_URL, or SUPABASE_URL with SUPABASE_KEY")
