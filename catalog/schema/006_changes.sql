-- The catalog's version: a text that is different after every committed change and never repeats.
--
-- Every transaction that changes albums adds a row with a random number to `catalog_changes`. The version is
-- the sum of the numbers that a snapshot sees. Two snapshots with the same sum see the same changes and therefore
-- the same albums. A search reads the version in its own snapshot, so the version identifies the data that it
-- used. Writers only insert rows, so that they never wait for each other. The numbers are random instead of
-- consecutive, so that a restored database, or a replica that was promoted without the last transactions, cannot
-- repeat a version.
--
-- Safe to run again, even while searches run: no function that a search calls is dropped.

SET search_path = public, extensions;

CREATE TABLE IF NOT EXISTS catalog_changes (mark numeric NOT NULL)
  WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
-- Without a replica identity, a publication of all tables refuses the deletions below and every write with them.
ALTER TABLE catalog_changes REPLICA IDENTITY FULL;
ALTER TABLE catalog_changes ENABLE ROW LEVEL SECURITY;

-- Returns 60 random bits. Not from `random()`, which repeats its numbers in a session that sets its seed.
CREATE OR REPLACE FUNCTION random_mark() RETURNS bigint LANGUAGE sql VOLATILE
RETURN ('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint;

-- Adds the row of a transaction that changes albums, and records this in a setting. The setting is local to the
-- transaction and is rolled back to a savepoint together with the row.
CREATE OR REPLACE FUNCTION bump_catalog_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  drawn CONSTANT bigint := random_mark();
BEGIN
  INSERT INTO catalog_changes VALUES (drawn);
  PERFORM set_config('cover_search.changed_in', pg_current_xact_id()::text, true);
  -- Sometimes the rows are replaced by one row with their sum, which does not change the version. Rows that another
  -- transaction has locked to add them up are skipped. In the stricter isolation levels this could fail.
  IF drawn % 64 = 0 AND current_setting('transaction_isolation') = 'read committed' THEN
    WITH few AS (SELECT ctid FROM catalog_changes LIMIT 1000 FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM catalog_changes c USING few WHERE c.ctid = few.ctid RETURNING c.mark)
    INSERT INTO catalog_changes SELECT sum(mark) FROM gone HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END
$$;

-- The triggers fire once in a transaction, for every writer, even if `session_replication_role` is `replica`.
-- The changes of a logical subscription fire only row triggers; the row trigger fires for nothing else.
DO $$
DECLARE
  unmarked CONSTANT text := $when$
    (current_setting('cover_search.changed_in', true) IS DISTINCT FROM pg_current_xact_id()::text)
  $when$;
BEGIN
  DROP TRIGGER IF EXISTS album_covers_changed ON album_covers;
  EXECUTE 'CREATE TRIGGER album_covers_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON album_covers '
    'FOR EACH STATEMENT WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_changed;

  DROP TRIGGER IF EXISTS album_covers_row_applied ON album_covers;
  EXECUTE 'CREATE TRIGGER album_covers_row_applied AFTER INSERT OR UPDATE OR DELETE ON album_covers '
    'FOR EACH ROW WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE album_covers ENABLE REPLICA TRIGGER album_covers_row_applied;

  DROP TRIGGER IF EXISTS catalog_model_changed ON catalog_model;
  EXECUTE 'CREATE TRIGGER catalog_model_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog_model '
    'FOR EACH STATEMENT WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE catalog_model ENABLE ALWAYS TRIGGER catalog_model_changed;
END
$$;

-- Returns a text that identifies the state of the table: it changes with a TRUNCATE, a rewrite, a changed or
-- renamed column, and a replacement of the table. The table is looked up by name and not by regclass, because
-- regclass finds the newest table even if the snapshot is older. A changed row of pg_attribute has another `xmin`
-- (the number of the transaction that wrote it), so the sum is another one.
CREATE OR REPLACE FUNCTION album_table() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN (
    SELECT concat_ws('.', c.oid, c.relfilenode, c.xmin,
                     (SELECT sum(a.xmin::text::bigint) FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum > 0)) || '/'
    FROM pg_class c WHERE c.relname = 'album_covers' AND c.relnamespace = 'public'::regnamespace
  );
END
$$;

-- VOLATILE, so that it reads with a snapshot of its own.
CREATE OR REPLACE FUNCTION album_table_now() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN album_table();
END
$$;

-- Returns NULL while changes may not be recorded: a trigger is missing, disabled, or fires in other cases than
-- above. The triggers are part of the version, because changes made while they were disabled are not recorded.
CREATE OR REPLACE FUNCTION catalog_version() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  triggers text := (
    SELECT string_agg(concat_ws('.', t.oid, t.xmin), '.' ORDER BY t.tgname)
    FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE c.relname = 'album_covers' AND c.relnamespace = 'public'::regnamespace
      AND (t.tgname, t.tgenabled) IN (('album_covers_changed', 'A'), ('album_covers_row_applied', 'R'))
    HAVING count(*) = 2
  );
BEGIN
  RETURN album_table() || triggers || '/' || (SELECT sum(mark) FROM catalog_changes);
END
$$;

-- The files before this one may have changed albums without a record.
INSERT INTO catalog_changes VALUES (random_mark());

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine regprocedure;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  EXECUTE format('REVOKE ALL ON catalog_changes FROM %s', shut_out);
  FOR routine IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('random_mark', 'bump_catalog_version', 'album_table', 'album_table_now', 'catalog_version')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine, shut_out);
  END LOOP;
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('service_role', 'catalog_reader') LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION catalog_version() TO %I', role);
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    -- As for the other tables: a dump made as this role includes it.
    GRANT ALL ON catalog_changes TO service_role;
  END IF;
END
$$;

NOTIFY pgrst, 'reload schema';
