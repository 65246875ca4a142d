-- Functions that read the catalog's albums, embeddings, genres and statistics, and a check of the schema.
--
-- Functions whose result may be long return one JSON document or array instead of rows, because PostgREST
-- returns at most `db-max-rows` rows (1,000 on Supabase) and does not report an error.
--
-- `version_to_read` is called before the albums are read, so that a call fails, instead of missing albums, if the
-- table was replaced while the call waited; 007_versioned_search.sql describes it.

SET search_path = public, extensions;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('albums_by_id', 'album_embeddings', 'genre_counts', 'album_genres', 'album_stats',
                      'catalog_stamp', 'stamp_catalog', 'catalog_check')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns the albums with the given ids, in the order of ids. The reviewer and the metadata, as a JSON text, are
-- NULL if `with_details` is false. The function is written in PL/pgSQL, because PostgreSQL keeps the plan of a
-- PL/pgSQL function in a session.
CREATE FUNCTION albums_by_id(album_ids text[], with_details boolean DEFAULT true) RETURNS TABLE (
  id text, artist text, album_name text, genre text, release_year int, pitchfork_score numeric,
  best_new_music boolean, cover_url text, genres text[], thumbnails jsonb, reviewer text, metadata text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  PERFORM version_to_read();
  RETURN QUERY
  SELECT a.id, a.artist, a.album_name, a.genre, a.release_year, finite_score(a.pitchfork_score), a.best_new_music,
         a.cover_url, all_genres(a.genre, a.genres), thumbnails_of(a.id),
         CASE WHEN with_details THEN a.reviewer END, CASE WHEN with_details THEN a.metadata::text END
  FROM album_covers a WHERE a.id = ANY (album_ids) ORDER BY a.id COLLATE "C";
END
$$;

-- Returns {"id": "[0.1,0.2,...]", ...} for the given albums that exist and have an embedding.
CREATE FUNCTION album_embeddings(album_ids text[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.id, a.embedding::text), '{}')
  FROM album_covers a WHERE a.id = ANY (album_ids) AND a.embedding IS NOT NULL
$$;

-- Returns every genre in its most frequent spelling, with the number of its albums. The function reads only two
-- indexes: `album_covers_genre_year` for the first genre of each album, and `album_covers_several_genres` for
-- the second and later genres.
CREATE FUNCTION genre_counts() RETURNS TABLE (genre text, albums bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH spelling AS MATERIALIZED (
    SELECT genre, count(*) AS albums FROM album_covers GROUP BY genre
    UNION ALL
    SELECT other, count(*) FROM album_covers, unnest(genres[2:]) other
    WHERE cardinality(genres) > 1 GROUP BY other
  ), keyed AS (
    SELECT genre_key(genre) AS key, btrim(regexp_replace(genre, '\s+', ' ', 'g')) AS genre,
           sum(albums)::bigint AS albums
    FROM spelling GROUP BY 1, 2
  )
  SELECT (array_agg(genre ORDER BY albums DESC, genre COLLATE "C"))[1], sum(albums)::bigint
  FROM keyed WHERE key <> '' GROUP BY key
$$;

CREATE FUNCTION album_genres() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  PERFORM version_to_read();
  RETURN (SELECT coalesce(array_agg(genre ORDER BY genre COLLATE "C"), '{}') FROM genre_counts());
END
$$;

-- Returns the catalog's statistics. The function reads the indexes `album_covers_genre_year` and
-- `album_covers_without_palette` once, in addition to the indexes that `genre_counts` reads.
CREATE FUNCTION album_stats() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  PERFORM version_to_read();
  RETURN (
    SELECT jsonb_build_object(
      'total_albums', count(*),
      'genres', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('genre', genre, 'count', albums)
                                  ORDER BY albums DESC, genre COLLATE "C"), '[]')
        FROM genre_counts()),
      'year_min', min(release_year),
      'year_max', max(release_year),
      'score_average', avg(finite_score(pitchfork_score)),
      'score_min', min(finite_score(pitchfork_score)),
      'score_max', max(finite_score(pitchfork_score)),
      'best_new_music_count', count(*) FILTER (WHERE best_new_music),
      'without_palette', (SELECT count(*) FROM album_covers WHERE palette IS NULL)
    ) FROM album_covers
  );
END
$$;

CREATE FUNCTION catalog_stamp() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT jsonb_build_object('model', model, 'fingerprint', fingerprint, 'preprocessing', preprocessing,
                            'version', version, 'stamped_at', stamped_at)
  FROM catalog_model
$$;

-- Records which model made all vectors. The catalog gets a new version, because cached search results are not
-- valid any more. The default of `preprocessing` is 1, because older tools pass no version and use version 1.
CREATE FUNCTION stamp_catalog(model text, fingerprint text, preprocessing integer DEFAULT 1) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  UPDATE catalog_model SET model = stamp_catalog.model, fingerprint = stamp_catalog.fingerprint,
                           preprocessing = stamp_catalog.preprocessing,
                           version = version + 1, stamped_at = now()
  RETURNING version
$$;

-- Reports which parts of the schema exist. The function looks their names up in PostgreSQL's system catalog, so
-- that it works even if a part is missing.
CREATE FUNCTION catalog_check() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT jsonb_build_object(
    'pgvector', (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
    'table', to_regclass('public.album_covers') IS NOT NULL,
    'embedding', (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                  WHERE attrelid = to_regclass('public.album_covers') AND attname = 'embedding'
                    AND NOT attisdropped),
    'functions_missing', (
      SELECT coalesce(jsonb_agg(name ORDER BY name), '[]')
      FROM unnest(ARRAY['search_albums', 'similar_albums', 'albums_by_id', 'album_embeddings',
                        'album_genres', 'album_stats', 'catalog_stamp', 'catalog_version', 'versioned_search',
                        'versioned_similar', 'versioned_embeddings', 'version_to_read', 'read_filters',
                        'metadata_condition', 'album_passes', 'estimated_albums', 'reading_bound',
                        'unfiltered_scan_cost', 'lies_apart', 'albums_near_sample', 'stamped_fingerprint',
                        'check_page', 'given_filters',
                        'page_of_ranking', 'matching_albums', 'ranked_albums', 'embedding_of', 'color_cell',
                        'albums_without_palette', 'match_embeddings', 'sampled_covers', 'find_albums',
                        'named_albums', 'thumbnails_of', 'album_prints', 'facet_columns', 'genre_names', 'genre_key',
                        'artist_key', 'all_genres', 'row_limit_probe', 'finite_score']) name
      WHERE NOT EXISTS (SELECT FROM pg_proc
                        WHERE pronamespace = 'public'::regnamespace AND proname = name)),
    'index', EXISTS (SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                     JOIN pg_am ON pg_am.oid = relam
                     WHERE indrelid = to_regclass('public.album_covers') AND amname = 'hnsw' AND indisvalid)
  )
$$;
