-- Creates the table of prints. A print describes a cover by local points, a small picture and a perceptual hash, so
-- that a photograph of the cover, or another edition of it, can be compared with it; common/prints.py describes them.
--
-- A print names its cover by `cover_key`, as a thumbnail does. A print is valid only while the album's row names the
-- same cover, so an album never has the print of another cover, whichever program changed the row. The table has no
-- foreign key to `album_covers`: a foreign key would forbid TRUNCATE on `album_covers`, and would delete the prints
-- of albums that a client replaces in one transaction. `delete_albums` deletes the prints of its albums, and
-- `delete_unused_prints` deletes prints that no album has.
--
-- The prints are not columns of `album_covers`, because searches read its rows, and because updating an album writes
-- its vector again. Points and thumbnails are stored outside the rows of this table, so that a scan of all hashes reads
-- only 0.1 KB for each album.

SET search_path = public, extensions;

CREATE TABLE IF NOT EXISTS cover_prints (
  album_id  text NOT NULL,
  cover_key text NOT NULL,
  -- The version of the algorithm that made the print. Prints of different versions are never compared.
  version   smallint NOT NULL,
  -- The longest edge, in pixels, of the picture in which the points were found.
  side_px   smallint NOT NULL,
  points    bytea NOT NULL,
  thumbnail bytea NOT NULL,
  pdq       bit(256) NOT NULL,
  made_at   timestamptz NOT NULL DEFAULT now(),
  -- An ingest stores the print of a new cover before the album's row names this cover. The print of the present
  -- cover stays, in case the row is never written.
  PRIMARY KEY (album_id, cover_key),
  CONSTRAINT cover_prints_size CHECK (octet_length(points) + octet_length(thumbnail) <= 8000)
);
-- Codes of points and compressed pictures do not get smaller by compression.
ALTER TABLE cover_prints ALTER COLUMN points SET STORAGE EXTERNAL, ALTER COLUMN thumbnail SET STORAGE EXTERNAL;
ALTER TABLE cover_prints ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'catalog_reader') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  EXECUTE format('REVOKE ALL ON cover_prints FROM %s', shut_out);
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    -- `service_role` gets all privileges on every table, so that a dump made by `service_role` includes every
    -- table.
    GRANT ALL ON cover_prints TO service_role;
  END IF;
END
$$;
