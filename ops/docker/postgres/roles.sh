#!/bin/sh
# The roles that Supabase has, and `catalog_reader`; run once, when the database is made. The schema
# grants to those it finds.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password AUTHENTICATOR_PASSWORD
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE catalog_reader NOLOGIN NOINHERIT;
-- PostgREST logs in as this one, which may do nothing but become the role that a key names.
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
ALTER ROLE authenticator SET statement_timeout = '8s';
GRANT anon, authenticated, service_role, catalog_reader TO authenticator;
SQL
