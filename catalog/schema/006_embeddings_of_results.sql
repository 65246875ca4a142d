-- The embeddings of a search's results, which `versioned_search` and `versioned_similar` add to their documents
-- on request. Workers explain results with them.
--
-- This file may be run again even while searches run, because it drops no function that a search calls.

SET search_path = public, extensions;

-- Returns {"total": …, "count": …}: the sum of the unit vectors of about 100 covers, and the number of these
-- covers. The function reads 34 evenly spaced pages of the table, each with about three covers. Therefore it
-- takes 0.3 ms for any number of albums, and it reads the same covers until the table changes.
CREATE OR REPLACE FUNCTION sampled_covers() RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  pages CONSTANT bigint := pg_relation_size('album_covers') / current_setting('block_size')::int;
  total vector;
  count bigint;
BEGIN
  -- `sum` takes half the time of `avg`.
  SELECT sum(l2_normalize(a.embedding)), count(a.embedding) INTO total, count FROM album_covers a
  WHERE a.ctid = ANY (ARRAY(
    SELECT format('(%s,%s)', n * pages / 34, item)::tid
    FROM generate_series(0, 33) n, generate_series(1, 4) item));
  IF count < 30 THEN
    -- If many albums were deleted or updated, these pages may be nearly empty, and the sum of a few covers would
    -- be far from the sum of all covers.
    SELECT sum(l2_normalize(a.embedding)), count(*) INTO total, count
    FROM (SELECT embedding FROM album_covers WHERE embedding IS NOT NULL LIMIT 100) a;
  END IF;
  RETURN json_build_object('total', encode(halfvec_send(total::halfvec(512)), 'base64'), 'count', count);
END
$$;

-- Returns {"albums": …, "sample": …}: the vectors of the given albums in the given order, and the document of
-- `sampled_covers` if `with_sample` is true. Vectors are the bytes of `halfvec_send` in base64, one after the
-- other: a header of four bytes and 512 half-precision numbers for each vector. For 50 albums, the vectors take
-- 0.7 ms and 70 KB; in text form they would take 2.5 ms and 326 KB.
CREATE OR REPLACE FUNCTION match_embeddings(album_ids text[], with_sample boolean) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN json_build_object(
    'albums', (
      SELECT encode(string_agg(halfvec_send(a.embedding::halfvec(512)), '' ORDER BY given.place), 'base64')
      FROM unnest(album_ids) WITH ORDINALITY given(id, place) JOIN album_covers a USING (id)),
    'sample', CASE WHEN with_sample THEN sampled_covers() END
  );
END
$$;

-- Only `versioned_search` and `versioned_similar` call these functions, with the rights of their owner.
DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine regprocedure;
  role name;
BEGIN
  FOR role IN
    SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'catalog_reader', 'service_role')
  LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  FOR routine IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proname IN ('match_embeddings', 'sampled_covers')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
