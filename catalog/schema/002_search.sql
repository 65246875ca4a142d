-- The search returns the k nearest albums that meet the filters. A search returns fewer than k albums only if
-- fewer than k albums meet the filters.
--
-- A search uses one of two methods. The exact scan reads every album that meets the filters; it is faster than
-- the index scan if few albums meet them. The index scan searches the HNSW index; it is faster than the exact
-- scan if very many albums meet the filters. The index scan takes the albums nearest to the query and removes
-- albums that do not meet the filters. If fewer than k albums remain, the exact scan follows, because the
-- albums that meet the filters are then far from the query. An index scan does not apply the filters while it
-- searches the index, because with a filter that only far albums meet, 90 of 100 results were wrong. Both
-- methods rank the results by their full vectors and order ties by id.
--
-- The vector of a text query is far from the vectors of all covers, and nearly equally far from many of them.
-- An index scan may miss some of the nearest covers: with 150,000 albums it missed 5 of 100, whatever the value
-- of `ef_search`. For a query that is far from all covers, the index scan therefore reads ten times as many
-- albums as usual.

SET search_path = public, extensions;

-- Using the type `vector` loads pgvector. The functions below name pgvector's settings, such as hnsw.ef_search,
-- which PostgreSQL knows only after pgvector is loaded.
DO $$ BEGIN PERFORM '[1]'::vector; END $$;

-- Existing functions with these names are dropped first, because PostgREST cannot choose between two functions
-- of one name.
DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('search_albums', 'similar_albums', 'album_passes', 'estimated_albums',
                      'lies_apart', 'stamped_fingerprint', 'reading_bound')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns whether an album meets the filters of a search. The function has no SET clause, so that the planner
-- can inline it and use the indexes. The planner removes conditions whose parameter is NULL.
CREATE FUNCTION album_passes(
  id text, genre text, genre_keys text[], release_year int, pitchfork_score numeric, best_new_music boolean,
  wanted_keys text[], year_min int, year_max int, min_score numeric, best_new_music_only boolean,
  exclude_ids text[]
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The expression coalesce(…) must be the same as in the index `album_covers_genre_keys`.
RETURN (wanted_keys IS NULL OR coalesce(genre_keys, ARRAY[lower(genre)]) && wanted_keys)
   AND (year_min IS NULL OR release_year >= year_min)
   AND (year_max IS NULL OR release_year <= year_max)
   AND (min_score IS NULL OR pitchfork_score >= min_score)
   AND (NOT best_new_music_only OR best_new_music)
   AND (exclude_ids IS NULL OR id <> ALL (exclude_ids));

-- Returns the planner's estimates of how many albums meet the filters and of the cost of reading their vectors.
-- The unit of the cost is the cost of reading one page. An estimate takes about 0.1 ms, but counting the albums
-- would take up to 100 ms.
CREATE FUNCTION estimated_albums(
  wanted_keys text[] DEFAULT NULL, year_min int DEFAULT NULL, year_max int DEFAULT NULL,
  min_score numeric DEFAULT NULL, best_new_music_only boolean DEFAULT false,
  OUT passing double precision, OUT cost double precision
)
-- The function is VOLATILE, because PostgreSQL lets only volatile functions run EXPLAIN.
LANGUAGE plpgsql VOLATILE
SET search_path = public, extensions, pg_temp
-- The page cost is low, because the catalog is in memory. The function sets random_page_cost, because another
-- value on the server would change the scale of the costs.
SET random_page_cost = 1.1
AS $$
DECLARE
  plan json;
BEGIN
  FOR plan IN EXPLAIN (FORMAT JSON)
    SELECT a.embedding FROM album_covers a
    WHERE album_passes(a.id, a.genre, a.genre_keys, a.release_year, a.pitchfork_score, a.best_new_music,
                       wanted_keys, year_min, year_max, min_score, best_new_music_only, NULL)
  LOOP
    passing := plan->0->'Plan'->>'Plan Rows';
    cost := plan->0->'Plan'->>'Total Cost';
  END LOOP;
END
$$;

-- Returns the cost of an exact scan above which an index scan is preferred. The default of this limit is the
-- cost of reading 25,000 albums in sequence, or about 10,000 scattered albums; an exact scan with this cost
-- takes as long as an index scan.
CREATE FUNCTION reading_bound() RETURNS int LANGUAGE sql STABLE
RETURN coalesce(nullif(current_setting('cover_search.exact_up_to', true), ''), '10000')::int;

-- Returns whether a query is much farther from its nearest album than that album is from the next albums, as
-- most text queries are. A short, inexact index scan is enough, because the result is the same for any near
-- albums that the scan finds.
CREATE FUNCTION lies_apart(query_embedding vector(512)) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = public, extensions, pg_temp
SET enable_seqscan = off
SET enable_sort = off
SET hnsw.ef_search = 40
AS $$
DECLARE
  near vector[] := ARRAY(
    SELECT a.embedding FROM album_covers a
    ORDER BY a.embedding::halfvec(512) <=> query_embedding::halfvec(512)
    LIMIT 40
  );
BEGIN
  RETURN (near[1] <=> query_embedding) > 1.5 * (near[1] <=> near[cardinality(near)]);
END
$$;

-- Returns the current fingerprint of the model that made the vectors.
CREATE FUNCTION stamped_fingerprint() RETURNS text
-- The function is VOLATILE, so that its SELECT uses a new snapshot instead of the caller's.
LANGUAGE plpgsql VOLATILE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN (SELECT fingerprint FROM catalog_model);
END
$$;

CREATE FUNCTION search_albums(
  query_embedding     vector(512),
  match_count         int     DEFAULT 10,
  filter_genre        text    DEFAULT NULL,
  filter_genres       text[]  DEFAULT NULL,
  year_min            int     DEFAULT NULL,
  year_max            int     DEFAULT NULL,
  min_score           numeric DEFAULT NULL,
  best_new_music_only boolean DEFAULT false,
  exclude_ids         text[]  DEFAULT NULL,
  model_fingerprint   text    DEFAULT NULL
) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, similarity double precision, genres text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, extensions, pg_temp
-- A custom plan leaves out filters that are NULL; a generic plan would evaluate them all.
SET plan_cache_mode = force_custom_plan
SET jit = off
SET max_parallel_workers_per_gather = 0
-- If sorting were enabled, the planner might sort all albums although the function has chosen an index scan.
SET enable_sort = off
-- The index may contain deleted rows that are not yet vacuumed. An iterative scan continues after `ef_search`
-- rows, so that deleted rows do not make the result shorter.
SET hnsw.iterative_scan = relaxed_order
SET hnsw.scan_mem_multiplier = 8
-- The function body sets hnsw.ef_search to another value. Because a SET clause names the setting, PostgreSQL
-- restores the caller's value when the call ends.
SET hnsw.ef_search = 800
AS $$
#variable_conflict use_column
DECLARE
  exact_up_to CONSTANT int := reading_bound();
  wanted_keys text[] := (
    SELECT array_agg(DISTINCT genre_key(name)) FROM unnest(filter_genres || filter_genre) name
    WHERE name IS NOT NULL
  );
  only_best boolean := coalesce(best_new_music_only, false);
  estimate record;
  share double precision;
  reach int;
  walks boolean;
  candidates text[];
BEGIN
  IF match_count IS NULL OR match_count NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'match_count must lie in 1..1000, not %', match_count USING ERRCODE = '22023';
  ELSIF query_embedding IS NULL OR vector_dims(query_embedding) <> 512 THEN
    RAISE EXCEPTION 'query_embedding must have 512 dimensions, not %', vector_dims(query_embedding)
      USING ERRCODE = '22000';
  ELSIF vector_norm(query_embedding) = 0 THEN
    RAISE EXCEPTION 'query_embedding is zero, which has no direction' USING ERRCODE = '22023';
  END IF;

  estimate := estimated_albums(wanted_keys, year_min, year_max, min_score, only_best);
  -- The model is checked after the estimate, because the estimate locks the table. If the model were checked
  -- before the estimate, the catalog could switch to another model between the check and the search.
  IF model_fingerprint <> stamped_fingerprint() THEN
    RAISE EXCEPTION 'the vectors of this catalog come from the model %', (SELECT model FROM catalog_model)
      USING ERRCODE = 'PT409';
  END IF;
  share := CASE
    WHEN wanted_keys IS NULL AND year_min IS NULL AND year_max IS NULL AND min_score IS NULL AND NOT only_best
      THEN 1
    ELSE estimate.passing / (estimated_albums()).passing
  END;
  -- `reach` is the number of nearest albums that an index scan reads. Among half of these albums, k albums are
  -- expected to meet the filters.
  reach := greatest(400, 2 * match_count / greatest(share, 0.001));
  walks := estimate.cost > exact_up_to AND reach <= 500;
  IF walks AND lies_apart(query_embedding) THEN
    reach := 10 * reach;
    -- An index scan that reads ten times as many albums takes as long as an exact scan with twice the cost
    -- limit.
    walks := estimate.cost > 2 * exact_up_to;
  END IF;
  IF walks THEN
    -- An index scan keeps `ef_search` albums, and only the nearer half of them is reliable. The maximum of
    -- `ef_search` is 1,000.
    PERFORM set_config('hnsw.ef_search', least(2 * reach, 1000)::text, true);
    candidates := ARRAY(
      SELECT near.id
      FROM (
        SELECT a.*, a.embedding <=> query_embedding AS distance FROM album_covers a
        ORDER BY a.embedding::halfvec(512) <=> query_embedding::halfvec(512)
        LIMIT reach
      ) near
      WHERE album_passes(near.id, near.genre, near.genre_keys, near.release_year, near.pitchfork_score,
                         near.best_new_music, wanted_keys, year_min, year_max, min_score, only_best,
                         exclude_ids)
      ORDER BY near.distance, near.id COLLATE "C"
      LIMIT match_count
    );
    IF cardinality(candidates) < match_count THEN
      candidates := NULL;
    END IF;
  END IF;

  RETURN QUERY
  SELECT a.id, a.artist, a.album_name, a.genre, a.release_year, a.pitchfork_score, a.best_new_music,
         a.cover_url, 1 - near.distance, all_genres(a.genre, a.genres)
  FROM (
    -- Without the "+ 0" the planner might use the HNSW index, which does not give exact results.
    SELECT each.id, (each.embedding <=> query_embedding) + 0 AS distance
    FROM album_covers each
    WHERE (candidates IS NULL OR each.id = ANY (candidates))
      AND album_passes(each.id, each.genre, each.genre_keys, each.release_year, each.pitchfork_score,
                       each.best_new_music, wanted_keys, year_min, year_max, min_score, only_best, exclude_ids)
      AND each.embedding IS NOT NULL
    ORDER BY distance, each.id COLLATE "C"
    LIMIT match_count
  ) near
  -- The other columns are joined only for the k results, because sorting whole rows would copy every album's
  -- vector.
  JOIN album_covers a ON a.id = near.id
  -- The distance is NaN for a zero vector that was written before zero vectors were forbidden.
  WHERE near.distance <> 'NaN'
  ORDER BY near.distance, near.id COLLATE "C";
END
$$;

CREATE FUNCTION similar_albums(
  album_id            text,
  match_count         int     DEFAULT 10,
  filter_genre        text    DEFAULT NULL,
  filter_genres       text[]  DEFAULT NULL,
  year_min            int     DEFAULT NULL,
  year_max            int     DEFAULT NULL,
  min_score           numeric DEFAULT NULL,
  best_new_music_only boolean DEFAULT false
) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, similarity double precision, genres text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
#variable_conflict use_column
DECLARE
  album_embedding vector;
BEGIN
  SELECT a.embedding INTO album_embedding FROM album_covers a WHERE a.id = album_id;
  IF album_embedding IS NULL THEN
    RAISE EXCEPTION 'no album with an embedding has the id %', album_id USING ERRCODE = 'PT404';
  END IF;
  RETURN QUERY SELECT * FROM search_albums(
    album_embedding, match_count, filter_genre, filter_genres, year_min, year_max, min_score,
    best_new_music_only, ARRAY[album_id]
  );
END
$$;
