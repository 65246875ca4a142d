-- The functions that gateways and workers call. Each function for reading albums returns one JSON document,
-- which contains the catalog's version.
--
-- The functions return a document instead of rows, because PostgREST returns at most `db-max-rows` rows and
-- does not report an error. The version and the albums are read in one snapshot; 006_catalog_version.sql describes the
-- version.

SET search_path = public, extensions;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('version_to_read', 'versioned_search', 'versioned_similar', 'versioned_embeddings',
                      'row_limit_probe')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns the catalog's version to a function that reads the albums afterwards. If the table was truncated,
-- rewritten or replaced while a call waited for its lock, the call would read the new table in an older
-- snapshot and miss rows. Therefore the call fails, and the client repeats it. The first statement locks the
-- table until the call ends, so that the table cannot be replaced after the check.
CREATE FUNCTION version_to_read() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version text;
BEGIN
  PERFORM FROM album_covers WHERE false;
  version := catalog_version();
  IF NOT starts_with(coalesce(version, album_table()), album_table_now()) THEN
    RAISE EXCEPTION 'album_covers was replaced while the call waited for it' USING ERRCODE = '40001';
  END IF;
  RETURN version;
END
$$;

-- Returns {"version": …, "exhausted": …, "without_palette": …, "albums": […], "named": […], "embeddings": …,
-- "ranking": …}. `exhausted` is true if the ranking ends with this page. `without_palette` is the number of albums
-- without a palette, or null if no colour is searched for. The albums of the page are sorted by similarity, because an
-- album that the index scan missed follows less similar albums in the ranking. `named` contains the albums whose name
-- is `named_query`, whether or not they are among the albums found. `embeddings` is NULL unless `with_embeddings` is
-- true; 006_embeddings_of_results.sql describes it. `known_sample` is the version of the catalog whose sampled covers the
-- client already has; they are not sent again.
--
-- If `with_ranking` is true, `ranking` is {"ids": […], "similarities": […], "complete": …}: the albums that
-- `ranked_albums` returned, and their similarities in millionths. A client that keeps this list can pass it for a later
-- page of the same query: `nearest_ids` contains the first albums of the ranking; `page_ids` contains the albums of the
-- page and the album after them, if there is one, so that no ranking is computed and `ranking` is NULL.
CREATE FUNCTION versioned_search(
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
  named_query         text    DEFAULT NULL,
  filters             jsonb   DEFAULT NULL,
  page_offset         int     DEFAULT 0,
  min_similarity      numeric DEFAULT NULL,
  with_details        boolean DEFAULT false,
  with_embeddings     boolean DEFAULT false,
  known_sample        text    DEFAULT NULL,
  with_ranking        boolean DEFAULT false,
  nearest_ids         text[]  DEFAULT NULL,
  page_ids            text[]  DEFAULT NULL
) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version CONSTANT text := version_to_read();
  ranked record;
  ranking json;
  found_ids text[] := page_ids;
  shown_ids text[];
  albums json;
  named json;
  embeddings json;
BEGIN
  PERFORM check_page(match_count, page_offset);
  IF page_ids IS NULL THEN
    ranked := ranked_albums(
      query_embedding, page_offset + match_count + 1,
      given_filters(filter_genre, filter_genres, year_min, year_max, min_score, best_new_music_only, filters),
      min_similarity, exclude_ids, model_fingerprint, nearest_ids
    );
    found_ids := page_of_ranking(ranked.ids, ranked.similarities, min_similarity, page_offset, match_count + 1);
    IF with_ranking THEN
      ranking := json_build_object(
        'ids', to_json(ranked.ids), 'complete', ranked.complete,
        'similarities', (SELECT coalesce(json_agg(round(similarity * 1000000) ORDER BY place), '[]')
                         FROM unnest(ranked.similarities) WITH ORDINALITY s(similarity, place)));
    END IF;
  ELSIF model_fingerprint <> stamped_fingerprint() THEN
    RAISE EXCEPTION 'the vectors of this catalog come from the model %', (SELECT model FROM catalog_model)
      USING ERRCODE = 'PT409';
  END IF;
  SELECT coalesce(json_agg(shown ORDER BY shown.similarity DESC, shown.id COLLATE "C"), '[]'),
         array_agg(shown.id ORDER BY shown.similarity DESC, shown.id COLLATE "C")
  INTO albums, shown_ids
  FROM matching_albums(found_ids[:match_count], query_embedding, with_details, with_thumbnails => true) shown;
  IF named_query IS NOT NULL THEN
    named := named_albums(named_query);
  END IF;
  IF with_embeddings THEN
    embeddings := match_embeddings(shown_ids, (known_sample = version) IS NOT TRUE);
  END IF;
  RETURN json_build_object(
    'version', version, 'exhausted', cardinality(found_ids) <= match_count,
    'without_palette', albums_without_palette(filters),
    'albums', albums, 'named', named, 'embeddings', embeddings, 'ranking', ranking);
END
$$;

CREATE FUNCTION versioned_similar(
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
  with_details        boolean DEFAULT false,
  with_embeddings     boolean DEFAULT false,
  known_sample        text    DEFAULT NULL,
  with_ranking        boolean DEFAULT false,
  nearest_ids         text[]  DEFAULT NULL,
  page_ids            text[]  DEFAULT NULL
) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  album_embedding vector;
BEGIN
  -- If the table was replaced while the call waited for its lock, the call must not report a missing album.
  PERFORM version_to_read();
  album_embedding := embedding_of(album_id);
  RETURN versioned_search(
    album_embedding, match_count, filter_genre, filter_genres, year_min, year_max, min_score,
    best_new_music_only, ARRAY[album_id], filters => filters, page_offset => page_offset,
    min_similarity => min_similarity, with_details => with_details, with_embeddings => with_embeddings,
    known_sample => known_sample, with_ranking => with_ranking, nearest_ids => nearest_ids, page_ids => page_ids
  );
END
$$;

CREATE FUNCTION versioned_embeddings(album_ids text[]) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version CONSTANT text := version_to_read();
BEGIN
  RETURN json_build_object('version', version, 'embeddings', album_embeddings(album_ids));
END
$$;

-- Returns `wanted` rows, at most 1,000. If a client receives fewer rows than that, PostgREST's `db-max-rows` is
-- lower than the number of requested rows.
CREATE FUNCTION row_limit_probe(wanted int) RETURNS SETOF int
LANGUAGE sql STABLE SET search_path = public, extensions, pg_temp AS $$
  SELECT generate_series(1, least(wanted, 1000))
$$;

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine record;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  FOR routine IN
    SELECT oid::regprocedure AS signature, proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('version_to_read', 'versioned_search', 'versioned_similar', 'versioned_embeddings',
                      'row_limit_probe')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('service_role', 'catalog_reader') LOOP
      IF routine.proname <> 'version_to_read' THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.signature, role);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
