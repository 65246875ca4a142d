-- Functions of the operators' tools: the origin of each embedding, albums page by page, updates, checks.
--
-- Each function returns one JSON document, because PostgREST returns at most `db-max-rows` rows.

SET search_path = public, extensions;

-- SHA-256 of the row and its cover at the ingest: an album that has not changed is not embedded again.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS content_hash text;
-- SHA-256 of the cover: a changed row with the same cover keeps its embedding.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_hash text;
-- The source of the cover: a URL, or the name of a file in the operator's folder.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_source text;
-- ETag and Last-Modified from the host of the cover, for conditional requests.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_etag text;
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_last_modified text;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      -- `album_hashes` and `ingested_hashes` belong to older schemas.
      AND proname IN ('album_hashes', 'ingested_hashes', 'album_origins', 'album_page', 'update_albums', 'delete_albums',
                      'embedding_plan', 'search_walks', 'catalog_findings')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns the origin of the albums that have an embedding: {"id": {"content_hash": …, "cover_hash": …, …}, …}.
-- All values are null for an album that was not ingested.
CREATE FUNCTION album_origins(album_ids text[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.id, jsonb_build_object(
    'content_hash', a.content_hash, 'cover_hash', a.cover_hash, 'cover_source', a.cover_source,
    'cover_etag', a.cover_etag, 'cover_last_modified', a.cover_last_modified)), '{}')
  FROM album_covers a
  WHERE a.id = ANY (album_ids) AND a.embedding IS NOT NULL
$$;

-- Returns the next albums after an id with all columns; the embedding is a string.
CREATE FUNCTION album_page(after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) || jsonb_build_object('embedding', page.embedding::text)
                            ORDER BY page.id), '[]')
  FROM (SELECT * FROM album_covers a WHERE after_id IS NULL OR a.id > after_id
        ORDER BY a.id LIMIT page_size) page
$$;

-- Updates the fields of albums whose cover is the same as before, and keeps their embedding. Returns their ids.
CREATE FUNCTION update_albums(albums jsonb) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH updated AS (
    UPDATE album_covers a
    SET artist = new.artist, album_name = new.album_name, genre = new.genre, genres = new.genres,
        release_year = new.release_year, pitchfork_score = new.pitchfork_score,
        best_new_music = new.best_new_music, cover_url = new.cover_url, reviewer = new.reviewer,
        metadata = new.metadata, content_hash = new.content_hash, cover_source = new.cover_source,
        cover_etag = new.cover_etag, cover_last_modified = new.cover_last_modified
    FROM jsonb_populate_recordset(NULL::album_covers, albums) new
    WHERE a.id = new.id AND a.cover_hash = new.cover_hash AND a.embedding IS NOT NULL
    RETURNING a.id
  )
  SELECT coalesce(jsonb_agg(id), '[]') FROM updated
$$;

-- Deletes albums and returns the ids of those that existed.
CREATE FUNCTION delete_albums(album_ids text[]) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (DELETE FROM album_covers a WHERE a.id = ANY (album_ids) RETURNING a.id)
  SELECT coalesce(jsonb_agg(id), '[]') FROM gone
$$;

-- Returns the query plan of an index scan by distance; the other kinds of scan are switched off.
CREATE FUNCTION embedding_plan() RETURNS jsonb
-- VOLATILE only because other functions may not run EXPLAIN.
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
  plan json;
BEGIN
  FOR plan IN EXPLAIN (FORMAT JSON)
    SELECT a.id FROM album_covers a
    ORDER BY a.embedding::halfvec(512) <=> (SELECT b.embedding FROM album_covers b LIMIT 1)::halfvec(512)
    LIMIT 10
  LOOP
    RETURN plan;
  END LOOP;
END
$$;

-- Returns whether `search_albums` uses the HNSW index for a query without filters; if not, it reads every album.
CREATE FUNCTION search_walks() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT (estimated_albums()).cost > reading_bound()
$$;

-- Returns figures about the completeness of the catalog; the caller judges them.
CREATE FUNCTION catalog_findings() RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT jsonb_build_object(
    'albums', count(*),
    'embedded', count(embedding),
    'not_unit_length', count(*) FILTER (WHERE abs(vector_norm(embedding) - 1) > 0.001),
    'without_names', count(*) FILTER (WHERE artist IS NULL OR album_name IS NULL),
    'index', (SELECT jsonb_build_object('name', relname, 'valid', indisvalid,
                                        'size_bytes', pg_relation_size(pg_class.oid))
              FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
              WHERE indrelid = 'album_covers'::regclass AND amname = 'hnsw' ORDER BY indisvalid DESC LIMIT 1),
    'plan', embedding_plan()
  ) FROM album_covers
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
      AND proname IN ('album_origins', 'album_page', 'update_albums', 'delete_albums', 'embedding_plan',
                      'search_walks', 'catalog_findings')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', routine);
    END IF;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
