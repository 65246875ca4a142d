-- Functions for the operators' tools, which compare, page through, update, delete and check albums.
--
-- Functions return one JSON document instead of rows, because PostgREST returns at most `db-max-rows` rows.

SET search_path = public, extensions;

-- The SHA-256 of the album's row and cover at the last ingest. An album whose content hash has not changed is
-- not embedded again.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS content_hash text;
-- The SHA-256 of the cover. A changed album whose cover has the same hash keeps its embedding.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_hash text;
-- The source of the cover: a URL, or the name of a file in the operator's folder of covers.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_source text;
-- The ETag and Last-Modified headers of the response with the cover, for conditional requests.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_etag text;
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_last_modified text;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      -- `album_hashes` and `ingested_hashes` are functions of older schemas.
      AND proname IN ('album_hashes', 'ingested_hashes', 'album_origins', 'album_page', 'update_albums', 'delete_albums',
                      'embedding_plan', 'search_walks', 'catalog_findings')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns the origins of those given albums that have an embedding: {"id": {"content_hash": …, "cover_hash": …,
-- …}, …}. For an album that was not ingested, all values are null.
CREATE FUNCTION album_origins(album_ids text[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.id, jsonb_build_object(
    'content_hash', a.content_hash, 'cover_hash', a.cover_hash, 'cover_source', a.cover_source,
    'cover_etag', a.cover_etag, 'cover_last_modified', a.cover_last_modified)), '{}')
  FROM album_covers a
  WHERE a.id = ANY (album_ids) AND a.embedding IS NOT NULL
$$;

-- Returns the next albums after an id, in the order of ids, with all columns. Embeddings and metadata are strings,
-- because JSON parsers round the numbers of metadata or refuse them, and a score that is not finite is NULL.
CREATE FUNCTION album_page(after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) || jsonb_build_object(
                              'embedding', page.embedding::text, 'metadata', page.metadata::text,
                              'pitchfork_score', finite_score(page.pitchfork_score))
                            ORDER BY page.id), '[]')
  FROM (SELECT * FROM album_covers a WHERE after_id IS NULL OR a.id > after_id
        ORDER BY a.id LIMIT page_size) page
$$;

-- Updates all columns except the embedding of albums whose cover has not changed. Returns the ids of the
-- updated albums.
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

-- Deletes albums with the prints of their covers, and returns the ids of the albums that existed.
CREATE FUNCTION delete_albums(album_ids text[]) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (DELETE FROM album_covers a WHERE a.id = ANY (album_ids) RETURNING a.id),
  printless AS (DELETE FROM cover_prints p WHERE p.album_id = ANY (album_ids))
  SELECT coalesce(jsonb_agg(id), '[]') FROM gone
$$;

-- Returns PostgreSQL's plan for finding the nearest albums with all other kinds of scan disabled. The plan
-- shows whether the planner can use the HNSW index.
CREATE FUNCTION embedding_plan() RETURNS jsonb
-- The function is VOLATILE, because PostgreSQL lets only volatile functions run EXPLAIN.
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

-- Returns whether `search_albums` uses the HNSW index for a query without filters, instead of reading every
-- album.
CREATE FUNCTION search_walks() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT unfiltered_scan_cost() > reading_bound()
$$;

-- Returns the numbers of complete and incomplete albums, the HNSW index and its query plan.
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
