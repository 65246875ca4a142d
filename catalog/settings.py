"""What the commands need of the settings, asked for by name where it is missing."""

from common.errors import SettingsError
from common.settings import Settings


def require_database_url(settings: Settings) -> str:
    """Return DATABASE_URL.

    Raises:
        SettingsError: it is not set.
    """
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL: this command needs PostgreSQL itself, by a URL such as "
            "postgresql://user:password@host:5432/database (Supabase: Connect; direct or by a pooler)"
        )
    return settings.database_url.get_secret_value()
