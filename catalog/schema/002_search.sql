-- A search ranks the albums that meet its filters by similarity, then by id, and returns one page of this
-- ranking. A page is shorter than requested only if the ranking ends on it.
--
-- A search uses two methods. The exact scan reads every album that meets the filters; it is faster than the
-- index scan if few albums meet them. The index scan searches the HNSW index; it is faster than the exact scan
-- if very many albums meet the filters. The index scan takes the albums nearest to the query and removes albums
-- that do not meet the filters. If fewer albums remain than expected, they are not used, because the albums that
-- meet the filters are then far from the query. An index scan does not apply the filters while it searches the
-- index, because with a filter that only far albums meet, 90 of 100 results were wrong. Both methods rank the
-- albums by their full vectors and order ties by id.
--
-- An index scan may miss an album. Therefore the pages of a query would repeat or skip albums if one page came
-- from an index scan and another page from an exact scan. The ranking of a query is defined as follows, whatever
-- page is requested: its first `depth` albums are the nearest albums of the index scan, and all other albums
-- follow as the exact scan ranks them. A page within the first `depth` albums needs only the index scan. Any
-- other page needs both methods, unless the query does not use the index at all. Whether a query uses the index,
-- and how far, depends on its vector, its filters, the planner's statistics and the state of the index, but not
-- on the page. New statistics, a vacuum or a new index may change the ranking although no album has changed.
-- Therefore workers keep the first albums of a ranking, and pass them to `ranked_albums` for a later page.
--
-- The vector of a text query is far from the vectors of all covers, and nearly equally far from many of them.
-- An index scan may miss some of the nearest covers: with 150,000 albums it missed 5 of 100, whatever the value
-- of `ef_search`. For a query that is far from all covers, the index scan therefore reads nine times as many
-- albums as usual, and searches in six more places of the index (`albums_near_sample`).

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
      AND proname IN ('search_albums', 'similar_albums', 'album_passes', 'estimated_albums', 'read_filters',
                      'metadata_condition', 'lies_apart', 'albums_near_sample', 'stamped_fingerprint',
                      'reading_bound', 'unfiltered_scan_cost', 'ranked_albums', 'page_of_ranking', 'matching_albums',
                      'check_page', 'given_filters', 'embedding_of')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- The conditions of a search in the form in which rows are compared with them. A condition that is NULL has no
-- effect. `read_filters` makes this value from the JSON form of the filters, and `album_passes` applies it.
-- CASCADE also drops the functions of later schema files that take such a value; those files run again after
-- this one.
DROP TYPE IF EXISTS album_filter CASCADE;
CREATE TYPE album_filter AS (
  genre_keys     text[],
  artist_keys    text[],
  year_min       int,
  year_max       int,
  min_score      numeric,
  best_new_music boolean,
  metadata       jsonpath,
  colour_cell    smallint
);

-- Returns the condition that the album's metadata has the given text under each of the given keys. If the
-- metadata has a list under a key, one element is enough. The texts of numbers, `true` and `false` also stand for
-- the JSON values that they describe.
CREATE FUNCTION metadata_condition(wanted jsonb) RETURNS jsonpath
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = public, extensions, pg_temp AS $$
  SELECT string_agg(
    CASE WHEN value ~ '^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$' OR value IN ('true', 'false')
      THEN format('($.%1$s == %2$s || $.%1$s == %3$s)', to_json(key), to_json(value), value)
      ELSE format('$.%s == %s', to_json(key), to_json(value))
    END, ' && ')::jsonpath
  FROM jsonb_each_text(wanted)
$$;

-- Reads the JSON form of filters, which common/filters.py describes. A schema that does not know a filter must
-- refuse it, because a search that ignored the filter would return wrong albums.
CREATE FUNCTION read_filters(filters jsonb) RETURNS album_filter
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  given CONSTANT jsonb := jsonb_strip_nulls(filters);
  unknown CONSTANT text := (
    SELECT min(name) FROM jsonb_object_keys(given) name
    WHERE name NOT IN ('genre', 'artist', 'year_min', 'year_max', 'min_score', 'best_new_music', 'meta',
                       'color')
  );
  wanted album_filter;
BEGIN
  IF unknown IS NOT NULL THEN
    -- With this error code, the catalog reports that its schema is older than the service.
    RAISE EXCEPTION 'this schema has no filter %', unknown USING ERRCODE = '42883';
  END IF;
  wanted.genre_keys := (
    SELECT array_agg(DISTINCT genre_key(name)) FROM jsonb_array_elements_text(given->'genre') name
    WHERE name IS NOT NULL
  );
  wanted.artist_keys := (
    SELECT array_agg(DISTINCT artist_key(name)) FROM jsonb_array_elements_text(given->'artist') name
    WHERE name IS NOT NULL
  );
  wanted.year_min := given->>'year_min';
  wanted.year_max := given->>'year_max';
  wanted.min_score := given->>'min_score';
  wanted.best_new_music := nullif((given->>'best_new_music')::boolean, false);
  wanted.metadata := metadata_condition(given->'meta');
  wanted.colour_cell := color_cell(given->>'color');
  RETURN wanted;
END
$$;

-- Returns a score, or NULL if the score is not a number or too large for the numbers of JSON. Only SQL can store such a
-- score; clients see it as a missing score. The function is replaced and not dropped, because `album_passes` uses it.
CREATE OR REPLACE FUNCTION finite_score(score numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- In PostgreSQL, NaN is greater than every number.
RETURN CASE WHEN score BETWEEN -1e308 AND 1e308 THEN score END;

-- Returns whether an album meets the filters of a search. The function has no SET clause, so that the planner
-- can inline it and use the indexes. The planner removes conditions whose parameter is NULL.
CREATE FUNCTION album_passes(
  genre text, genre_keys text[], artist text, artist_key text, release_year int, pitchfork_score numeric,
  best_new_music boolean, metadata jsonb, colour_cells smallint[], wanted album_filter
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The expressions coalesce(…) must be the same as in the indexes `album_covers_genre_keys` and
-- `album_covers_artist`.
RETURN (wanted.genre_keys IS NULL OR coalesce(genre_keys, ARRAY[lower(genre)]) && wanted.genre_keys)
   AND (wanted.artist_keys IS NULL
        OR coalesce(artist_key, left(lower(artist), 500)) = ANY (wanted.artist_keys))
   AND (wanted.year_min IS NULL OR release_year >= wanted.year_min)
   AND (wanted.year_max IS NULL OR release_year <= wanted.year_max)
   AND (wanted.min_score IS NULL
        OR (pitchfork_score >= wanted.min_score AND finite_score(pitchfork_score) IS NOT NULL))
   AND (wanted.best_new_music IS NULL OR best_new_music)
   AND (wanted.metadata IS NULL OR metadata @@ wanted.metadata)
   AND (wanted.colour_cell IS NULL OR colour_cells @> ARRAY[wanted.colour_cell]);

-- Returns the planner's estimates of how many albums meet the filters and of the cost of reading their vectors.
-- The unit of the cost is the cost of reading one page. An estimate takes about 0.1 ms, but counting the albums
-- would take up to 100 ms.
CREATE FUNCTION estimated_albums(
  wanted album_filter DEFAULT NULL, OUT passing double precision, OUT cost double precision
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
    WHERE album_passes(a.genre, a.genre_keys, a.artist, a.artist_key, a.release_year, a.pitchfork_score,
                       a.best_new_music, a.metadata, a.colour_cells, wanted)
  LOOP
    passing := plan->0->'Plan'->>'Plan Rows';
    cost := plan->0->'Plan'->>'Total Cost';
  END LOOP;
END
$$;

-- Returns the cost of an exact scan without filters: the cost of reading every page of the table. The estimate by
-- the planner takes 0.1 ms longer, and adds only the cost of the rows, which is a fortieth of this cost. In PL/pgSQL
-- the function takes 0.05 ms less than in SQL, because its plan is kept.
CREATE FUNCTION unfiltered_scan_cost() RETURNS double precision LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN pg_relation_size('album_covers') / current_setting('block_size')::int
         * current_setting('seq_page_cost')::double precision;
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

-- Returns the ids of up to 1,200 albums that may be near to a query that is far from all albums. An index scan for
-- such a query may end in a part of the index that is far from the nearest albums. Therefore this function
-- compares the query with a sample of about 1,500 albums. For each of the six nearest albums of the sample, it
-- then searches the index for the albums nearest to a vector between the query and the sampled album, twice as
-- near to the query. The sample is always the same, so that all pages of a query agree. `albums` is the number
-- of albums in the catalog.
CREATE FUNCTION albums_near_sample(query_embedding vector(512), albums double precision) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = public, extensions, pg_temp
SET enable_seqscan = off
SET enable_sort = off
SET hnsw.ef_search = 200
AS $$
DECLARE
  direction CONSTANT vector := l2_normalize(query_embedding);
BEGIN
  RETURN ARRAY(
    SELECT near.id
    FROM (
      SELECT a.embedding FROM album_covers a TABLESAMPLE SYSTEM (least(100, 150000 / albums)) REPEATABLE (0)
      WHERE a.embedding IS NOT NULL
      ORDER BY (a.embedding <=> query_embedding) + 0, a.id
      LIMIT 6
    ) sampled
    CROSS JOIN LATERAL (
      SELECT a.id FROM album_covers a
      ORDER BY a.embedding::halfvec(512)
               <=> (direction + direction + l2_normalize(sampled.embedding))::halfvec(512)
      LIMIT 200
    ) near
  );
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

-- Raises an error if a page is too long, begins before the first album, or ends after the album 1001.
CREATE FUNCTION check_page(match_count int, page_offset int) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF match_count IS NULL OR match_count NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'match_count must lie in 1..1000, not %', match_count USING ERRCODE = '22023';
  ELSIF page_offset IS NULL OR page_offset < 0 OR page_offset + match_count > 1001 THEN
    RAISE EXCEPTION 'page_offset % is negative, or the page ends after the album 1001', page_offset
      USING ERRCODE = '22023';
  END IF;
END
$$;

-- Returns the filters in `filters`, and the filters in the parameters that earlier releases use. The result is NULL
-- if there are no filters.
CREATE FUNCTION given_filters(
  filter_genre text, filter_genres text[], year_min int, year_max int, min_score numeric,
  best_new_music_only boolean, filters jsonb
) RETURNS album_filter
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF num_nonnulls(filters, filter_genre, filter_genres, year_min, year_max, min_score) = 0
    AND best_new_music_only IS NOT TRUE
  THEN
    RETURN NULL;
  END IF;
  RETURN read_filters(
    jsonb_build_object('genre', filter_genres || filter_genre, 'year_min', year_min, 'year_max', year_max,
                       'min_score', min_score, 'best_new_music', best_new_music_only)
    || coalesce(filters, '{}'));
END
$$;

-- Returns the albums at the positions `page_offset` + 1 to `page_offset` + `page_length` of a ranking without the
-- albums whose similarity, rounded to six decimal places, is below `min_similarity`. In PL/pgSQL the function takes
-- 0.08 ms less than in SQL, because its plan is kept.
CREATE FUNCTION page_of_ranking(
  ids text[], similarities double precision[], min_similarity numeric, page_offset int, page_length int
) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF min_similarity IS NULL THEN
    RETURN ids[page_offset + 1 : page_offset + page_length];
  END IF;
  RETURN (
    SELECT coalesce(array_agg(page.id ORDER BY page.place), '{}')
    FROM (
      SELECT ranked.id, ranked.place
      FROM unnest(ids, similarities) WITH ORDINALITY ranked(id, similarity, place)
      WHERE ranked.similarity >= coalesce(ceil(min_similarity * 1000000) / 1000000 - 0.0000005, '-Infinity')
      ORDER BY ranked.place
      OFFSET page_offset LIMIT page_length
    ) page
  );
END
$$;

-- Returns the albums with the given ids in the given order, as a search returns them. An album of a ranking that a
-- worker has kept may have lost its embedding; it is left out, like a deleted album. In PL/pgSQL the function takes
-- 0.1 ms less than in SQL, because its plan is kept.
CREATE FUNCTION matching_albums(
  album_ids text[], query_embedding vector(512), with_details boolean, with_thumbnails boolean
) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, similarity double precision, genres text[],
  reviewer text, metadata text, thumbnails jsonb
)
LANGUAGE plpgsql STABLE
SET search_path = public, extensions, pg_temp
-- A plan that was made for small tables must not scan all rows after the tables have grown.
SET enable_seqscan = off
AS $$
BEGIN
  -- In a table of another tool, columns may have types such as `varchar` and `smallint`, which RETURN QUERY does not
  -- convert.
  RETURN QUERY
  SELECT a.id::text, a.artist::text, a.album_name::text, a.genre::text, a.release_year::int,
         finite_score(a.pitchfork_score::numeric), a.best_new_music, a.cover_url::text,
         1 - (a.embedding <=> query_embedding), all_genres(a.genre, a.genres),
         CASE WHEN with_details THEN a.reviewer::text END, CASE WHEN with_details THEN a.metadata::text END,
         -- One statement for all albums takes half the time of calling `thumbnails_of` for each of them.
         CASE WHEN with_thumbnails THEN (
           SELECT jsonb_build_object('256', t.px_256, '512', t.px_512) FROM cover_thumbnails t
           WHERE t.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)
         ) END
  FROM album_covers a WHERE a.id = ANY (album_ids) AND a.embedding IS NOT NULL
  ORDER BY array_position(album_ids, a.id);
END
$$;

-- Returns the first albums of the ranking, in its order, with their similarities. They are at least `positions`
-- albums whose similarity, rounded to six decimal places, is at least `min_similarity`, or all such albums if
-- fewer exist. `complete` is true if the ranking has no further album, or if 1,001 albums are returned; no page
-- contains a later album. An exact scan that takes longer than an index scan returns 1,001 albums, so that it
-- need not be repeated for the later pages. `nearest_ids` contains the first albums of the ranking if they are
-- known from an earlier page; then no index scan is needed. The caller has locked the table.
CREATE FUNCTION ranked_albums(
  query_embedding   vector(512),
  positions         int,
  wanted            album_filter,
  min_similarity    numeric,
  exclude_ids       text[],
  model_fingerprint text,
  nearest_ids       text[],
  OUT ids text[], OUT similarities double precision[], OUT complete boolean
)
LANGUAGE plpgsql STABLE
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
  is_filtered CONSTANT boolean := NOT wanted IS NULL;
  estimate record;
  scan_cost double precision;
  albums double precision;
  share double precision := 1;
  reach int;
  reliable int;
  depth int;
  walks boolean := false;
  near_sample text[] := '{}';
  -- The number of albums that an exact scan returns.
  scanned int := 1001;
  rest record;
BEGIN
  IF query_embedding IS NULL OR vector_dims(query_embedding) <> 512 THEN
    RAISE EXCEPTION 'query_embedding must have 512 dimensions, not %', vector_dims(query_embedding)
      USING ERRCODE = '22000';
  ELSIF vector_norm(query_embedding) = 0 THEN
    RAISE EXCEPTION 'query_embedding is zero, which has no direction' USING ERRCODE = '22023';
  END IF;

  -- The caller has locked the table. Therefore the catalog cannot switch to another model after this check.
  IF model_fingerprint <> stamped_fingerprint() THEN
    RAISE EXCEPTION 'the vectors of this catalog come from the model %', (SELECT model FROM catalog_model)
      USING ERRCODE = 'PT409';
  END IF;

  ids := '{}';
  similarities := '{}';
  IF nearest_ids IS NOT NULL THEN
    SELECT coalesce(array_agg(a.id ORDER BY given.place), '{}'),
           coalesce(array_agg(1 - (a.embedding <=> query_embedding) ORDER BY given.place), '{}')
    INTO ids, similarities
    FROM unnest(nearest_ids) WITH ORDINALITY given(id, place) JOIN album_covers a USING (id)
    WHERE a.embedding IS NOT NULL;
  ELSE
    IF is_filtered THEN
      estimate := estimated_albums(wanted);
      scan_cost := estimate.cost;
    ELSE
      scan_cost := unfiltered_scan_cost();
    END IF;
    walks := scan_cost > exact_up_to;
    IF NOT walks AND positions <= 51 THEN
      -- Here an exact scan is as fast as an index scan, so it need not find the albums of later pages.
      scanned := 51;
    END IF;
  END IF;
  IF walks THEN
    albums := (estimated_albums()).passing;
    IF is_filtered THEN
      share := estimate.passing / albums;
    END IF;
    -- `reach` is the number of albums that an index scan reads. Only the nearer half of these albums is reliable.
    -- Therefore `reach` is chosen so that, if possible, 51 albums of this half are expected to meet the filters:
    -- the largest page of the HTTP API and one more album.
    reach := greatest(400, least(1000, 102 / greatest(share, 0.001)));
    reliable := reach / 2;
    -- An index scan is not worthwhile if it cannot answer the default page of 10 albums.
    walks := round(reliable * share) > 10;
  END IF;
  IF walks AND lies_apart(query_embedding) THEN
    reach := 3500;
    -- With 150,000 albums, the index scan missed on average 0.04 albums of the nearest 100, but 0.34 of the nearest 200.
    reliable := 100;
    -- The longer index scan takes as long as an exact scan of twice the cost.
    walks := scan_cost > 2 * exact_up_to;
    near_sample := CASE WHEN walks THEN albums_near_sample(query_embedding, albums) ELSE '{}' END;
  END IF;
  IF walks THEN
    -- If the index misses an album, all further albums of the index scan have wrong positions. Therefore
    -- `depth` is not larger than the first pages need.
    depth := greatest(11, least(51, reliable * share));
    -- The maximum of `ef_search` is 1,000.
    PERFORM set_config('hnsw.ef_search', least(2 * reach, 1000)::text, true);
    SELECT coalesce(array_agg(best.id ORDER BY best.distance, best.id COLLATE "C"), '{}'),
           coalesce(array_agg(1 - best.distance ORDER BY best.distance, best.id COLLATE "C"), '{}')
    INTO ids, similarities
    FROM (
      SELECT near.id, near.distance
      FROM (
        (SELECT a.*, a.embedding <=> query_embedding AS distance FROM album_covers a
         ORDER BY a.embedding::halfvec(512) <=> query_embedding::halfvec(512)
         LIMIT reach)
        UNION ALL
        SELECT a.*, a.embedding <=> query_embedding FROM album_covers a WHERE a.id = ANY (near_sample)
      ) near
      WHERE album_passes(near.genre, near.genre_keys, near.artist, near.artist_key, near.release_year,
                         near.pitchfork_score, near.best_new_music, near.metadata, near.colour_cells, wanted)
        AND (exclude_ids IS NULL OR near.id <> ALL (exclude_ids))
      -- An album may be in both sets.
      GROUP BY near.id, near.distance
      ORDER BY near.distance, near.id COLLATE "C"
      LIMIT depth
    ) best;
    IF cardinality(ids) < depth THEN
      ids := '{}';
      similarities := '{}';
    END IF;
  END IF;

  complete := false;
  IF cardinality(ids) >= positions
    AND cardinality(page_of_ranking(ids, similarities, min_similarity, 0, positions)) = positions
  THEN
    RETURN;
  END IF;
  IF NOT is_filtered AND exclude_ids IS NULL AND scan_cost <= 400 THEN
    -- A kept plan takes 0.09 ms less than a custom plan, and evaluates the conditions of absent filters for each album.
    -- With 1,000 albums, which have this cost, both plans take the same time.
    PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
  END IF;
  SELECT count(*) < scanned AS is_last,
         coalesce(array_agg(near.id ORDER BY near.distance, near.id COLLATE "C") FILTER (WHERE near.is_new),
                  '{}') AS ids,
         coalesce(array_agg(1 - near.distance ORDER BY near.distance, near.id COLLATE "C")
                  FILTER (WHERE near.is_new), '{}') AS similarities
  INTO rest
  FROM (
    -- The distance is NaN for a zero vector that was written before zero vectors were forbidden.
    SELECT best.id, best.distance, best.id <> ALL (ids) AND best.distance <> 'NaN' AS is_new
    FROM (
      -- Without the "+ 0" the planner might use the HNSW index, which does not give exact results.
      SELECT a.id, (a.embedding <=> query_embedding) + 0 AS distance
      FROM album_covers a
      -- Without filters, the planner drops the call before inlining the function.
      WHERE (NOT is_filtered
             OR album_passes(a.genre, a.genre_keys, a.artist, a.artist_key, a.release_year, a.pitchfork_score,
                             a.best_new_music, a.metadata, a.colour_cells, wanted))
        AND (exclude_ids IS NULL OR a.id <> ALL (exclude_ids))
        AND a.embedding IS NOT NULL
      ORDER BY distance, a.id COLLATE "C"
      LIMIT scanned
    ) best
  ) near;
  ids := (ids || rest.ids)[:1001];
  similarities := (similarities || rest.similarities)[:1001];
  complete := rest.is_last OR scanned = 1001;
END
$$;

-- Returns the albums at the positions `page_offset` + 1 to `page_offset` + `match_count` of the ranking, in the
-- order of the ranking. `min_similarity` ends the ranking at the last album whose similarity, rounded to six
-- decimal places, is at least `min_similarity`. `filters` contains the filters in the form that `read_filters`
-- reads. The parameters from `filter_genre` to `best_new_music_only` contain filters, too, for clients of earlier
-- releases.
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
  model_fingerprint   text    DEFAULT NULL,
  filters             jsonb   DEFAULT NULL,
  page_offset         int     DEFAULT 0,
  min_similarity      numeric DEFAULT NULL,
  with_details        boolean DEFAULT false
) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, similarity double precision, genres text[],
  -- The reviewer and the metadata, as a JSON text, are NULL unless `with_details` is true.
  reviewer text, metadata text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
#variable_conflict use_column
DECLARE
  ranked record;
BEGIN
  PERFORM version_to_read();
  PERFORM check_page(match_count, page_offset);
  ranked := ranked_albums(
    query_embedding, page_offset + match_count,
    given_filters(filter_genre, filter_genres, year_min, year_max, min_score, best_new_music_only, filters),
    min_similarity, exclude_ids, model_fingerprint, NULL
  );
  RETURN QUERY
  SELECT m.id, m.artist, m.album_name, m.genre, m.release_year, m.pitchfork_score, m.best_new_music, m.cover_url,
         m.similarity, m.genres, m.reviewer, m.metadata
  FROM matching_albums(
    page_of_ranking(ranked.ids, ranked.similarities, min_similarity, page_offset, match_count),
    query_embedding, with_details, with_thumbnails => false
  ) m;
END
$$;

-- Returns the vector of an album.
CREATE FUNCTION embedding_of(album_id text) RETURNS vector
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  found vector;
BEGIN
  SELECT a.embedding INTO found FROM album_covers a WHERE a.id = album_id;
  IF found IS NULL THEN
    RAISE EXCEPTION 'no album with an embedding has the id %', album_id USING ERRCODE = 'PT404';
  END IF;
  RETURN found;
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
  best_new_music_only boolean DEFAULT false,
  filters             jsonb   DEFAULT NULL,
  page_offset         int     DEFAULT 0,
  min_similarity      numeric DEFAULT NULL,
  with_details        boolean DEFAULT false
) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, similarity double precision, genres text[],
  reviewer text, metadata text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM version_to_read();
  RETURN QUERY SELECT * FROM search_albums(
    embedding_of(album_id), match_count, filter_genre, filter_genres, year_min, year_max, min_score,
    best_new_music_only, ARRAY[album_id], filters => filters, page_offset => page_offset,
    min_similarity => min_similarity, with_details => with_details
  );
END
$$;
