-- Functions with which the operators' tools store, page through and delete the thumbnails of covers.
-- 001_thumbnails.sql describes the table `cover_thumbnails`.

SET search_path = public, extensions;

DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('put_thumbnails', 'thumbnail_page', 'thumbnail_files', 'delete_unused_thumbnails',
                      'delete_thumbnails')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Stores the thumbnails of covers, [{"id": …, "cover_hash": …, "cover_source": …, "cover_url": …, "px_256": …,
-- "px_512": …}, …] with the album's id and the columns of its row, and returns the number of covers. `made_at`
-- changes even if the thumbnails do not, so that `delete_unused_thumbnails` keeps them until the album is
-- written.
CREATE FUNCTION put_thumbnails(thumbnails jsonb) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH stored AS (
    INSERT INTO cover_thumbnails (cover_key, px_256, px_512)
    -- Rows are written in the order of their keys, so that two concurrent calls wait for each other instead of
    -- deadlocking.
    SELECT DISTINCT ON (1) cover_key(made.id, made.cover_hash, made.cover_source, made.cover_url),
           made.px_256, made.px_512
    FROM jsonb_to_recordset(thumbnails) AS made (
      id text, cover_hash text, cover_source text, cover_url text, px_256 text, px_512 text)
    ORDER BY 1
    ON CONFLICT (cover_key) DO UPDATE
    SET px_256 = excluded.px_256, px_512 = excluded.px_512, made_at = now()
    RETURNING 1
  )
  SELECT count(*) FROM stored
$$;

-- Returns the next albums after an id, in the order of ids, with the columns that locate their covers, and with
-- their thumbnails as from `thumbnails_of`.
CREATE FUNCTION thumbnail_page(after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) ORDER BY page.id), '[]')
  FROM (SELECT a.id, a.cover_hash, a.cover_source, a.cover_url, thumbnails_of(a.id) AS thumbnails
        FROM album_covers a WHERE after_id IS NULL OR a.id > after_id
        ORDER BY a.id LIMIT page_size) page
$$;

-- Returns the next rows after a key, in the order of keys: [{"cover_key": …, "256": …, "512": …}, …].
CREATE FUNCTION thumbnail_files(after_key text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('cover_key', page.cover_key, '256', page.px_256,
                                               '512', page.px_512) ORDER BY page.cover_key), '[]')
  FROM (SELECT * FROM cover_thumbnails t WHERE after_key IS NULL OR t.cover_key > after_key
        ORDER BY t.cover_key LIMIT page_size) page
$$;

-- Deletes the thumbnails that no album uses, and returns their number. Thumbnails made in the last `grace_s`
-- seconds are kept, because an ingest stores thumbnails before it writes their album.
CREATE FUNCTION delete_unused_thumbnails(grace_s double precision) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (
    DELETE FROM cover_thumbnails t
    WHERE t.made_at < now() - make_interval(secs => grace_s)
      AND NOT EXISTS (SELECT FROM album_covers a
                      WHERE cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url) = t.cover_key)
    RETURNING 1
  )
  SELECT count(*) FROM gone
$$;

-- Deletes the thumbnails of covers, [{"id": …, "cover_hash": …, "cover_source": …, "cover_url": …}, …] with the
-- album's id and the columns of its row, and returns the number of covers that had thumbnails.
CREATE FUNCTION delete_thumbnails(covers jsonb) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (
    DELETE FROM cover_thumbnails t
    WHERE t.cover_key IN (
      SELECT cover_key(cover.id, cover.cover_hash, cover.cover_source, cover.cover_url)
      FROM jsonb_to_recordset(covers) AS cover (id text, cover_hash text, cover_source text, cover_url text))
    RETURNING 1
  )
  SELECT count(*) FROM gone
$$;

DO $$
DECLARE
  writing CONSTANT text[] := ARRAY['put_thumbnails', 'thumbnail_page', 'thumbnail_files',
                                   'delete_unused_thumbnails', 'delete_thumbnails'];
  shut_out text := 'PUBLIC';
  routine record;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'catalog_reader') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  FOR routine IN
    SELECT oid::regprocedure AS signature, proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname = ANY (writing)
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', routine.signature);
    END IF;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
