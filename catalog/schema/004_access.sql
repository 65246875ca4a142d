-- Sets the privileges: only `service_role` may write, and only `service_role` and `catalog_reader` may read.
--
-- Supabase grants every new table and function to `anon` and `authenticated`, the roles that browsers use; this
-- file revokes those grants. Every statement for a role runs only if the role exists, because PostgreSQL
-- without Supabase has none of these roles. To give a service read access only, run CREATE ROLE catalog_reader
-- NOLOGIN, run this file again, and grant the role to the service's login.

SET search_path = public, extensions;

DO $$
DECLARE
  readable CONSTANT text[] := ARRAY['search_albums', 'similar_albums', 'albums_by_id', 'album_embeddings',
                                    'album_genres', 'album_stats', 'catalog_stamp', 'catalog_check'];
  internal CONSTANT text[] := ARRAY['album_passes', 'estimated_albums', 'lies_apart', 'albums_near_sample',
                                    'reading_bound', 'stamped_fingerprint', 'read_filters',
                                    'metadata_condition', 'stamp_catalog', 'genre_key', 'all_genres',
                                    'keep_genres', 'genre_counts', 'artist_key', 'keep_artist_key',
                                    'color_cell', 'drop_outdated_palette',
                                    'albums_without_palette', 'check_page', 'given_filters', 'ranked_albums',
                                    'page_of_ranking', 'matching_albums', 'embedding_of', 'finite_score',
                                    'unfiltered_scan_cost'];
  shut_out text := 'PUBLIC';
  relation text;
  routine record;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  FOREACH relation IN ARRAY ARRAY['album_covers', 'catalog_model', 'catalog_migrations'] LOOP
    -- The table `catalog_migrations` exists only if `catalog migrate` applied the schema files.
    IF to_regclass(relation) IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
      EXECUTE format('REVOKE ALL ON %I FROM %s', relation, shut_out);
    END IF;
  END LOOP;
  FOR routine IN
    SELECT oid::regprocedure AS signature, proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proname = ANY (readable || internal)
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
    FOR role IN
      SELECT rolname FROM pg_roles
      WHERE rolname = 'service_role' OR (rolname = 'catalog_reader' AND routine.proname = ANY (readable))
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.signature, role);
    END LOOP;
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    GRANT ALL ON album_covers, catalog_model TO service_role;
  END IF;
END
$$;

NOTIFY pgrst, 'reload schema';
