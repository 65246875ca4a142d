-- Functions for the palettes of covers, and for counting albums by genre, decade, score, best new music and main
-- colour. 001_palettes.sql describes the columns of palettes.
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
      AND proname IN ('covers_without_palette', 'count_without_palette', 'write_palettes', 'facet_columns',
                      'genre_names')
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

-- `facet_columns` reads this index instead of the table, which is 60 times as large. The index does not contain the
-- albums with several genres, because the genres of an album may be longer than an entry of a B-tree index.
CREATE INDEX IF NOT EXISTS album_covers_facets ON album_covers (genre, main_colour, best_new_music)
  INCLUDE (release_year, pitchfork_score) WHERE coalesce(cardinality(genres), 0) <= 1;

-- Returns the columns of the albums that meet the filters, which common/catalog/facets/parse_sql_result.py reads:
-- {"version": …, "groups": [[genre keys, best new music, main colour, years, scores], …]}. A group contains albums with
-- equal genre keys, best new music and main colour. Years and scores are texts of arrays in one order, because
-- PostgreSQL writes these faster than JSON. A year or score that is missing or not finite is the smallest integer.
CREATE FUNCTION facet_columns(filters jsonb DEFAULT NULL) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, extensions, pg_temp
-- A custom plan leaves out filters that are NULL.
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  version CONSTANT text := version_to_read();
  wanted CONSTANT album_filter := read_filters(filters);
  is_unfiltered CONSTANT boolean := wanted IS NULL;
BEGIN
  RETURN (
    WITH grouped AS (
      -- If there is no filter, the planner reads the index `album_covers_facets`. If there is a filter, the next
      -- SELECT reads all albums, so that the rows that meet the filter are read only once.
      SELECT ARRAY[genre_key(single.genre)] AS genre_keys, single.best_new_music, single.main_colour, single.years,
             single.scores
      FROM (
        SELECT a.genre, coalesce(a.best_new_music, false) AS best_new_music, a.main_colour,
               array_agg(coalesce(a.release_year, -2147483648)) AS years,
               array_agg(coalesce(finite_score(a.pitchfork_score), -2147483648)) AS scores
        FROM album_covers a
        WHERE coalesce(cardinality(a.genres), 0) <= 1 AND is_unfiltered
        GROUP BY 1, 2, 3
      ) single
      UNION ALL
      SELECT coalesce(a.genre_keys, ARRAY[lower(a.genre)]), coalesce(a.best_new_music, false), a.main_colour,
             array_agg(coalesce(a.release_year, -2147483648)),
             array_agg(coalesce(finite_score(a.pitchfork_score), -2147483648))
      FROM album_covers a
      WHERE CASE
        WHEN is_unfiltered THEN cardinality(a.genres) > 1
        ELSE album_passes(a.genre, a.genre_keys, a.artist, a.artist_key, a.release_year, a.pitchfork_score,
                          a.best_new_music, a.metadata, a.colour_cells, wanted)
      END
      GROUP BY 1, 2, 3
    )
    SELECT json_build_object('version', version, 'groups', coalesce(json_agg(
      json_build_array(genre_keys, best_new_music, main_colour, years::text, scores::text)), '[]'))
    FROM grouped
  );
END
$$;

-- Returns the most frequent spelling of each genre by its key: {"version": …, "names": {genre key: name, …}}.
CREATE FUNCTION genre_names() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version CONSTANT text := version_to_read();
BEGIN
  RETURN (
    SELECT json_build_object('version', version,
                             'names', coalesce(json_object_agg(genre_key(genre), genre), '{}'))
    FROM genre_counts()
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

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine regprocedure;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  FOR routine IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proname IN ('facet_columns', 'genre_names')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('service_role', 'catalog_reader') LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine, role);
    END LOOP;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
