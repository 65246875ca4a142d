-- The thumbnails of covers. A thumbnail is a WebP file outside the database, named by the SHA-256 of its
-- content; the table `cover_thumbnails` contains the names.
--
-- The table has one row for each cover instead of each album, so an album never has the thumbnails of another
-- cover: if an ingest replaces the cover of an album, `cover_hash` changes, and the album has the thumbnails of
-- the new cover or none. For the same reason a deleted album leaves only unused rows, which
-- `delete_unused_thumbnails` deletes. The names are not columns of `album_covers`, because updating an album
-- writes its vector again, into the table and the HNSW index, and makes a running `reembed` embed it again.
--
-- This file creates the table before the functions for reading albums, which call `thumbnails_of`. The file
-- 011_thumbnails.sql contains the functions of the operators' tools.

SET search_path = public, extensions;

CREATE TABLE IF NOT EXISTS cover_thumbnails (
  cover_key text PRIMARY KEY,
  -- The SHA-256, in hex, of each file. Both are equal if the cover has at most 256 x 256 pixels.
  px_256    text NOT NULL,
  px_512    text NOT NULL,
  made_at   timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE cover_thumbnails ENABLE ROW LEVEL SECURITY;

-- 005_maintenance.sql describes these columns. They are added here, too, because `thumbnails_of` reads them.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_hash text;
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_source text;

-- Returns the key under which the thumbnails of an album's cover are stored: the SHA-256 of the cover if it is
-- known, otherwise a hash of the columns that locate the cover.
CREATE OR REPLACE FUNCTION cover_key(album_id text, cover_hash text, cover_source text, cover_url text)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(cover_hash, 'album ' || encode(sha256(convert_to(
  jsonb_build_array(album_id, cover_source, cover_url)::text, 'UTF8')), 'hex'));

-- Returns the thumbnails of an album's cover, {"256": SHA-256, "512": SHA-256}, or NULL if it has none. In
-- PL/pgSQL the function takes 9 microseconds, because its plan is kept; in SQL it takes 24.
CREATE OR REPLACE FUNCTION thumbnails_of(album_id text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object('256', t.px_256, '512', t.px_512)
    FROM album_covers a
    JOIN cover_thumbnails t ON t.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)
    WHERE a.id = album_id
  );
END
$$;

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine regprocedure;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'catalog_reader') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  EXECUTE format('REVOKE ALL ON cover_thumbnails FROM %s', shut_out);
  FOR routine IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proname IN ('cover_key', 'thumbnails_of')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    -- `service_role` gets all privileges on every table, so that a dump made by `service_role` includes every
    -- table.
    GRANT ALL ON cover_thumbnails TO service_role;
  END IF;
END
$$;
