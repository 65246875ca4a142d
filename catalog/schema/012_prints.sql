-- Functions that read, store, count and delete the prints of covers. 001_prints.sql describes the table.
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
      AND proname IN ('print_document', 'album_prints', 'put_prints', 'print_page', 'print_counts',
                      'covers_without_print', 'delete_prints', 'is_unused_print', 'count_unused_prints',
                      'delete_unused_prints')
  LOOP
    EXECUTE format('DROP FUNCTION %s', old);
  END LOOP;
END
$$;

-- Returns a print as JSON. Bytes are in base64, which PostgreSQL breaks into lines; `replace` joins them in half the
-- time of `translate`. The hash is in hexadecimal digits; `bit_send` writes its length, in four bytes, before its bits.
CREATE FUNCTION print_document(print cover_prints) RETURNS json
LANGUAGE sql STABLE SET search_path = public, extensions, pg_temp AS $$
  SELECT json_build_object(
    'version', print.version, 'side_px', print.side_px,
    'points', replace(encode(print.points, 'base64'), E'\n', ''),
    'thumbnail', replace(encode(print.thumbnail, 'base64'), E'\n', ''),
    'pdq', encode(substr(bit_send(print.pdq), 5), 'hex'))
$$;

-- Returns {"version": the catalog's version, "prints": {"id": {"version": …, "side_px": …, "points": …, "thumbnail": …,
-- "pdq": …}, …}}: the prints, of a version, that the given albums have of their present covers. At most 50 albums may
-- be given, which bounds the document to half a megabyte.
CREATE FUNCTION album_prints(album_ids text[], wanted_version int) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version CONSTANT text := version_to_read();
BEGIN
  IF cardinality(album_ids) > 50 THEN
    RAISE EXCEPTION 'album_prints returns the prints of at most 50 albums, not of %', cardinality(album_ids)
      USING ERRCODE = '22023';
  END IF;
  RETURN json_build_object('version', version, 'prints', (
    SELECT coalesce(json_object_agg(p.album_id, print_document(p)), '{}')
    FROM cover_prints p JOIN album_covers a ON a.id = p.album_id
    WHERE p.album_id = ANY (album_ids) AND p.version = wanted_version
      AND p.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)));
END
$$;

-- Stores prints, [{"id": …, "cover_hash": …, "cover_source": …, "cover_url": …, "version": …, "side_px": …, "points": …,
-- "thumbnail": …, "pdq": …}, …] with the album's id and the columns of its row, and returns the ids of the albums whose
-- prints were stored. If `only_present` is false, the albums need not exist yet; otherwise only the prints of
-- covers that the albums have now are stored, so that a print that was made slowly does not replace a newer one.
-- `made_at` changes even if the print does not, so that `delete_unused_prints` keeps it until the album is written.
CREATE FUNCTION put_prints(prints jsonb, only_present boolean DEFAULT false) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH stored AS (
    INSERT INTO cover_prints (album_id, cover_key, version, side_px, points, thumbnail, pdq)
    -- Rows are written in the order of ids, so that two concurrent calls wait for each other instead of deadlocking.
    SELECT DISTINCT ON (1, 2) made.id, cover_key(made.id, made.cover_hash, made.cover_source, made.cover_url),
           made.version, made.side_px, decode(made.points, 'base64'), decode(made.thumbnail, 'base64'),
           ('x' || made.pdq)::bit(256)
    FROM jsonb_to_recordset(prints) AS made (
      id text, cover_hash text, cover_source text, cover_url text,
      version smallint, side_px smallint, points text, thumbnail text, pdq text)
    WHERE NOT only_present OR EXISTS (
      SELECT FROM album_covers a
      WHERE a.id = made.id AND a.cover_hash IS NOT DISTINCT FROM made.cover_hash
        AND a.cover_source IS NOT DISTINCT FROM made.cover_source
        AND a.cover_url IS NOT DISTINCT FROM made.cover_url)
    ORDER BY 1, 2
    ON CONFLICT (album_id, cover_key) DO UPDATE
    SET version = excluded.version, side_px = excluded.side_px, points = excluded.points,
        thumbnail = excluded.thumbnail, pdq = excluded.pdq, made_at = now()
    RETURNING album_id
  )
  SELECT coalesce(jsonb_agg(DISTINCT album_id), '[]') FROM stored
$$;

-- Returns the next albums after an id that have a print of their present cover, in the order of ids:
-- [{"id": …, "print": …}, …].
CREATE FUNCTION print_page(after_id text, page_size int) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(json_agg(json_build_object('id', page.id, 'print', print_document(page.print))
                           ORDER BY page.id), '[]')
  FROM (SELECT a.id, p AS print
        FROM cover_prints p JOIN album_covers a ON a.id = p.album_id
        WHERE (after_id IS NULL OR a.id > after_id)
          AND p.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)
        ORDER BY a.id LIMIT page_size) page
$$;

-- Returns the numbers of albums that have no print of their present cover, and that have one of another version:
-- {"missing": …, "other_version": …}.
CREATE FUNCTION print_counts(wanted_version int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT jsonb_build_object(
    'missing', count(*) FILTER (WHERE p.album_id IS NULL),
    'other_version', count(*) FILTER (WHERE p.version <> wanted_version))
  FROM album_covers a
  LEFT JOIN cover_prints p
    ON p.album_id = a.id AND p.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url)
$$;

-- Returns the next albums after an id, in the order of ids, that have no print of a version of their present cover, with
-- the columns that locate their covers.
CREATE FUNCTION covers_without_print(wanted_version int, after_id text, page_size int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(page) ORDER BY page.id), '[]')
  FROM (SELECT a.id, a.cover_hash, a.cover_source, a.cover_url FROM album_covers a
        WHERE (after_id IS NULL OR a.id > after_id) AND NOT EXISTS (
          SELECT FROM cover_prints p
          WHERE p.album_id = a.id AND p.version = wanted_version
            AND p.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url))
        ORDER BY a.id LIMIT page_size) page
$$;

-- Deletes the prints of albums, and returns the number of albums that had one.
CREATE FUNCTION delete_prints(album_ids text[]) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (DELETE FROM cover_prints p WHERE p.album_id = ANY (album_ids) RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- Returns whether a print belongs to no album's present cover. Prints made in the last `grace_s` seconds count as used,
-- because an ingest stores prints before it writes their albums.
CREATE FUNCTION is_unused_print(print cover_prints, grace_s double precision) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, extensions, pg_temp AS $$
  SELECT print.made_at < now() - make_interval(secs => grace_s)
    AND NOT EXISTS (
      SELECT FROM album_covers a
      WHERE a.id = print.album_id AND print.cover_key = cover_key(a.id, a.cover_hash, a.cover_source, a.cover_url))
$$;

CREATE FUNCTION count_unused_prints(grace_s double precision) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT count(*) FROM cover_prints p WHERE is_unused_print(p, grace_s)
$$;

-- Deletes unused prints, and returns their number.
CREATE FUNCTION delete_unused_prints(grace_s double precision) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  WITH gone AS (DELETE FROM cover_prints p WHERE is_unused_print(p, grace_s) RETURNING 1)
  SELECT count(*) FROM gone
$$;

DO $$
DECLARE
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
      AND proname IN ('print_document', 'album_prints', 'put_prints', 'print_page', 'print_counts',
                      'covers_without_print', 'delete_prints', 'is_unused_print', 'count_unused_prints',
                      'delete_unused_prints')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
    FOR role IN
      SELECT rolname FROM pg_roles
      WHERE rolname = 'service_role' OR (rolname = 'catalog_reader' AND routine.proname = 'album_prints')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.signature, role);
    END LOOP;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
