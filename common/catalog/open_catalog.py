"""Opens the catalog that the settings select."""

from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.supabase import SupabaseCatalog
from common.errors import SettingsError
from common.settings import Settings

#: Maximum number of concurrent catalog calls of one process; further calls wait.
CONNECTIONS = 8


def open_catalog(settings: Settings) -> Catalog:
    """Return the Supabase catalog if its URL is set, else the PostgreSQL catalog; both connect on first use.

    Raises:
        SettingsError: neither catalog is configured.
    """
    if settings.supabase_url is not None and settings.supabase_key is not None:
        return SupabaseCatalog(
            settings.supabase_url,
            settings.supabase_key.get_secret_value(),
            timeout_s=settings.catalog_timeout_s,
            connections=CONNECTIONS,
        )
    if settings.database_url is not None:
        return PostgresCatalog(
            settings.database_url.get_secret_value(),
            timeout_s=settings.catalog_timeout_s,
            connections=CONNECTIONS,
        )
    raise SettingsError(
        "no catalog is set: SUPABASE_URL with SUPABASE_KEY, or DATABASE_URL (see README, Settings)"
    )
