"""Creates Supabase's roles and API keys for a local PostgreSQL and PostgREST."""

import base64
import hashlib
import hmac
from typing import Any

import orjson
import psycopg
from psycopg import sql

#: SQL that creates Supabase's roles; the first three are the roles that an API key can name, and the last is
#: PostgREST's own login role.
_ROLES = """
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
    CREATE ROLE anon NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
    CREATE ROLE authenticated NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    CREATE ROLE service_role NOLOGIN BYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticator') THEN
    CREATE ROLE authenticator LOGIN NOINHERIT;
  END IF;
END
$$;
GRANT anon, authenticated, service_role TO authenticator;
ALTER ROLE authenticator SET statement_timeout = '8s';
"""
#: SQL that sets the default grants that Supabase adds to new objects; the catalog's schema must revoke these
#: grants.
_DEFAULTS = """
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
"""


def create_roles(database_url: str, *, authenticator_password: str) -> None:
    """Create the roles on a PostgreSQL server and the grants in one database, unless they exist already."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_ROLES)
        connection.execute(
            sql.SQL("ALTER ROLE authenticator PASSWORD {}").format(sql.Literal(authenticator_password))
        )
        connection.execute(_DEFAULTS)


def make_key(role: str, *, secret: str) -> str:
    """Return an API key: a JWT, signed with HS256, whose claim `role` names the database role."""
    claims: dict[str, Any] = {"iss": "supabase", "role": role}
    signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64url(signature)}"


def _encode(value: dict[str, Any]) -> str:
    return _base64url(orjson.dumps(value))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
