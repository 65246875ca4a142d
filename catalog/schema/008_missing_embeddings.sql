-- Functions for albums without an embedding, such as rows that a table editor inserted. Searches do not find
-- albums without an embedding.
--
-- Functions return one JSON document instead of rows, because PostgREST returns at most `db-max-rows` rows.

SET search_path = public, extensions;

-- The index serves counting and paging the albums without an embedding. The index is small if nearly all albums
-- have an embedding.
CREATE INDEX IF NOT EXISTS album_covers_missing ON album_covers (id) WHERE embedding IS NULL;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('embedding_counts', 'missing_albums', 'embed_albums')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

CREATE FUNCTION embedding_counts() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT jsonb_build_object(
    'without', (SELECT count(*) FROM album_covers WHERE embedding IS NULL),
    'any', EXISTS (SELECT FROM album_covers WHERE embedding IS NOT NULL)
  )
$$;

-- Returns the next page of albums without an embedding, in order of their ids, starting after a given id. Each
-- row contains the columns in which ingest looks for the location of the cover.
CREATE FUNCTION missing_albums(after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) ORDER BY page.id), '[]')
  FROM (SELECT a.id, a.cover_source, a.cover_url FROM album_covers a
        WHERE a.embedding IS NULL AND (after_id IS NULL OR a.id > after_id)
        ORDER BY a.id LIMIT page_size) page
$$;

-- Writes embeddings to albums that still have no embedding and whose columns still name the cover that was
-- embedded. Returns the ids of the albums that were written. If the cover differs from the cover at the last
-- ingest, the album's content hash is not valid any more and becomes NULL.
CREATE FUNCTION embed_albums(albums jsonb, model_fingerprint text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
#variable_conflict use_column
DECLARE
  written jsonb;
BEGIN
  -- The lock prevents a switch to another model between the check of the model and the update.
  LOCK TABLE album_covers IN ROW EXCLUSIVE MODE;
  IF (SELECT fingerprint FROM catalog_model) <> model_fingerprint THEN
    RAISE EXCEPTION 'the vectors of this catalog come from the model %', (SELECT model FROM catalog_model)
      USING ERRCODE = 'PT409';
  END IF;
  WITH made AS (
    SELECT * FROM jsonb_to_recordset(albums) AS (
      id text, embedding vector(512), cover_hash text, cover_source text, cover_etag text,
      cover_last_modified text, seen_source text, seen_url text,
      -- Tools of earlier releases write no palettes.
      palette smallint[], palette_version smallint, colour_cells smallint[], main_colour text)
  ), due AS (
    -- Rows are locked in the order of ids, so that two concurrent runs wait for each other instead of
    -- deadlocking.
    SELECT a.id FROM album_covers a JOIN made ON made.id = a.id
    WHERE a.embedding IS NULL AND a.cover_source IS NOT DISTINCT FROM made.seen_source
      AND a.cover_url IS NOT DISTINCT FROM made.seen_url
    ORDER BY a.id FOR UPDATE OF a
  ), embedded AS (
    UPDATE album_covers a
    SET embedding = made.embedding, cover_hash = made.cover_hash, cover_source = made.cover_source,
        cover_etag = made.cover_etag, cover_last_modified = made.cover_last_modified,
        palette = made.palette, palette_version = made.palette_version, colour_cells = made.colour_cells,
        main_colour = made.main_colour,
        content_hash = CASE WHEN a.cover_hash = made.cover_hash THEN a.content_hash END
    FROM made JOIN due ON due.id = made.id WHERE a.id = made.id
    RETURNING a.id
  )
  SELECT coalesce(jsonb_agg(id), '[]') INTO written FROM embedded;
  RETURN written;
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
      AND proname IN ('embedding_counts', 'missing_albums', 'embed_albums')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', routine);
    END IF;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
