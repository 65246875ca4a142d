-- Functions for the palettes of covers. 001_palettes.sql describes the columns of palettes.
--
-- Functions return one JSON document instead of rows, because PostgREST returns at most `db-max-rows` rows.

SET search_path = public, extensions;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('covers_without_palette', 'count_without_palette', 'write_palettes')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns the number of albums without a palette of a version.
CREATE FUNCTION count_without_palette(wanted_version int) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT count(*) FROM album_covers a WHERE a.palette_version IS DISTINCT FROM wanted_version
$$;

-- Returns the next albums without a palette of a version, after an id, with the columns that locate their covers.
CREATE FUNCTION covers_without_palette(wanted_version int, after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) ORDER BY page.id), '[]')
  FROM (SELECT a.id, a.cover_source, a.cover_url, a.cover_hash FROM album_covers a
        WHERE a.palette_version IS DISTINCT FROM wanted_version AND (after_id IS NULL OR a.id > after_id)
        ORDER BY a.id LIMIT page_size) page
$$;

-- Writes palettes to albums whose columns still name the cover that was read. Returns the ids of the albums that
-- were written.
CREATE FUNCTION write_palettes(palettes jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH made AS (
    SELECT * FROM jsonb_to_recordset(palettes) AS (
      id text, palette smallint[], palette_version smallint, colour_cells smallint[], main_colour text,
      cover_hash text, cover_source text, cover_url text)
  ), due AS (
    -- Rows are locked in the order of ids, so that two concurrent runs wait for each other instead of
    -- deadlocking.
    SELECT a.id FROM album_covers a JOIN made ON made.id = a.id
    WHERE a.cover_source IS NOT DISTINCT FROM made.cover_source
      AND a.cover_url IS NOT DISTINCT FROM made.cover_url
      AND a.cover_hash IS NOT DISTINCT FROM made.cover_hash
    ORDER BY a.id FOR UPDATE OF a
  ), written AS (
    UPDATE album_covers a
    SET palette = made.palette, palette_version = made.palette_version, colour_cells = made.colour_cells,
        main_colour = made.main_colour
    FROM made JOIN due ON due.id = made.id WHERE a.id = made.id
    RETURNING a.id
  )
  SELECT coalesce(jsonb_agg(id), '[]') FROM written
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
  FOR routine IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('covers_without_palette', 'count_without_palette', 'write_palettes')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', routine);
    END IF;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
