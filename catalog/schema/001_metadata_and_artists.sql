-- Adds the column and the indexes for the filters by artist and by metadata. This file must be run after
-- 001_genres.sql, because it uses the function `genre_key`.
--
-- `artist_key` contains the artist's name without differences of case, Unicode form and white space; a trigger
-- fills it. Rows of an older schema are not rewritten, for the reason given in 001_genres.sql. If `artist_key`
-- is NULL, searches use `lower(artist)` in its place. To fill `artist_key` in old rows, run
-- UPDATE album_covers SET artist = artist.

SET search_path = public, extensions;

ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS artist_key text;

-- Returns the same key for all spellings of an artist that `genre_key` treats as equal. The key has at most 500
-- characters, because an entry of a B-tree index must be shorter than 2.7 KB.
CREATE OR REPLACE FUNCTION artist_key(artist text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN left(genre_key(artist), 500);

-- Sets `artist_key` of a written row.
CREATE OR REPLACE FUNCTION keep_artist_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  NEW.artist_key := artist_key(NEW.artist);
  RETURN NEW;
END
$$;

-- The trigger does not name the column `artist`, so that an operator can change the type of this column.
DROP TRIGGER IF EXISTS album_covers_artist_key ON album_covers;
CREATE TRIGGER album_covers_artist_key
  BEFORE INSERT OR UPDATE ON album_covers
  FOR EACH ROW EXECUTE FUNCTION keep_artist_key();

DO $$
BEGIN
  IF to_regclass('album_covers_artist') IS NOT NULL AND to_regclass('album_covers_metadata') IS NOT NULL THEN
    RETURN;
  END IF;
  -- The other rows of an older schema need no update, because their key equals `lower(artist)`.
  UPDATE album_covers SET artist = artist
  WHERE artist_key IS NULL AND artist_key(artist) <> left(lower(artist), 500);
  CREATE INDEX IF NOT EXISTS album_covers_artist ON album_covers
    (coalesce(artist_key, left(lower(artist), 500)));
  -- fastupdate is off, because with it every search would have to read the index's list of pending entries.
  CREATE INDEX IF NOT EXISTS album_covers_metadata ON album_covers
    USING gin (metadata jsonb_path_ops) WITH (fastupdate = off);
  -- PostgreSQL's planner has no statistics of an index expression until the table is analyzed.
  ANALYZE album_covers;
END
$$;
