"""Runs a local Supabase (PostgREST and a gateway in front of PostgreSQL) with Supabase's roles and keys.

Production code can use this local Supabase unchanged; it contains only those parts of Supabase that the
catalog uses.
"""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

from local.servers.postgrest import PostgrestConfig, PostgrestServer
from local.servers.supabase_gateway import RestGateway
from local.servers.supabase_roles import create_roles, make_key

#: The password with which all PostgREST processes of one PostgreSQL server log in as the role
#: `authenticator`.
AUTHENTICATOR_PASSWORD = "authenticator"  # noqa: S105 - of a server that only this machine reaches


@dataclass(frozen=True, slots=True)
class SupabaseConfig:
    """The configuration; `database_url` must log in as a superuser."""

    folder: Path
    database_url: str = field(repr=False)
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    max_rows: int = 1000


class SupabaseServer:
    """A local Supabase; its URL and key can be used as `SUPABASE_URL` and `SUPABASE_KEY`."""

    def __init__(self, config: SupabaseConfig) -> None:
        self._config = config
        self._running = ExitStack()
        self._postgrest: PostgrestServer | None = None
        self._gateway: RestGateway | None = None
        self.service_key = make_key("service_role", secret=config.jwt_secret)
        self.anon_key = make_key("anon", secret=config.jwt_secret)

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def gateway(self) -> RestGateway:
        assert self._gateway is not None  # noqa: S101 - started first
        return self._gateway

    @property
    def postgrest(self) -> PostgrestServer:
        assert self._postgrest is not None  # noqa: S101 - started first
        return self._postgrest

    def start(self) -> None:
        """Create the database roles and start PostgREST and the gateway.

        Raises:
            ServerFailed: PostgREST is not installed or does not start.
        """
        create_roles(self._config.database_url, authenticator_password=AUTHENTICATOR_PASSWORD)
        config = PostgrestConfig(
            folder=self._config.folder,
            database_url=_as_user(self._config.database_url, "authenticator", AUTHENTICATOR_PASSWORD),
            jwt_secret=self._config.jwt_secret,
            max_rows=self._config.max_rows,
        )
        try:
            self._postgrest = self._running.enter_context(PostgrestServer(config))
            keys = frozenset({self.service_key, self.anon_key})
            self._gateway = self._running.enter_context(RestGateway(self._postgrest.port, keys=keys))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop PostgREST and the gateway; harmless when neither runs."""
        self._running.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _as_user(database_url: str, user: str, password: str) -> str:
    parts = urlsplit(database_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{address}"))
