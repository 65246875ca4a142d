#!/bin/sh
# Creates Supabase's roles and `catalog_reader`, once, when the database is created. The catalog's schema
# grants rights to the roles that exist.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password AUTHENTICATOR_PASSWORD
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE catalog_reader NOLOGIN NOINHERIT;
-- PostgREST logs in as `authenticator`, which can only switch to the role that an API key names.
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
ALTER ROLE authenticator SET statement_timeout = '8s';
GRANT anon, authenticated, service_role, catalog_reader TO authenticator;
SQL
