-- The catalog's version: a text that differs after every committed change, and never comes back.
--
-- Every transaction that changes albums adds a row with a random number to `catalog_changes`. The version is
-- the sum of the numbers that a snapshot sees. Two snapshots with the same sum see the same changes, and so
-- the same albums: a search that reads the version in its own snapshot knows exactly which data it was made
-- from. Writers only insert, so that none waits for another. The numbers are random and not counted, so that
-- a database that was restored, or promoted without its last transactions, cannot repeat a version.
--
-- Safe to run again, also while searches run: nothing that a search calls is dropped.

SET search_path = public, extensions;

CREATE TABLE IF NOT EXISTS catalog_changes (mark numeric NOT NULL)
  WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
-- A publication of all tables would otherwise refuse the deletions below, and with them every write.
ALTER TABLE catalog_changes REPLICA IDENTITY FULL;
ALTER TABLE catalog_changes ENABLE ROW LEVEL SECURITY;

-- 60 random bits. `random()` will not do: a session that seeds it draws the same numbers again.
CREATE OR REPLACE FUNCTION random_mark() RETURNS bigint LANGUAGE sql VOLATILE
RETURN ('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint;

-- Marks a transaction that changes albums, and notes in a setting that it did: the note is the transaction's own,
-- and goes back with a savepoint, as the row does.
CREATE OR REPLACE FUNCTION bump_catalog_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  drawn CONSTANT bigint := random_mark();
BEGIN
  INSERT INTO catalog_changes VALUES (drawn);
  PERFORM set_config('cover_search.changed_in', pg_current_xact_id()::text, true);
  -- Now and then the rows become one with their sum, which leaves the version as it is. Rows that another
  -- transaction is adding up are left to it. With a snapshot of the whole transaction this could fail.
  IF drawn % 64 = 0 AND current_setting('transaction_isolation') = 'read committed' THEN
    WITH few AS (SELECT ctid FROM catalog_changes LIMIT 1000 FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM catalog_changes c USING few WHERE c.ctid = few.ctid RETURNING c.mark)
    INSERT INTO catalog_changes SELECT sum(mark) FROM gone HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END
$$;

-- The triggers fire once a transaction, whoever writes, and also where a session passes for a replica. What a
-- logical subscription applies fires triggers of rows only; that of rows is silent everywhere else.
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

-- The table as it stands: another text after a TRUNCATE, a rewrite, a change or another name of a column, or a
-- table put in its place. By name and not as regclass, which would find the present table, whatever the
-- snapshot. A changed row of pg_attribute has the number of its transaction in `xmin`, and so another sum.
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

-- VOLATILE, so that it looks with a snapshot of its own.
CREATE OR REPLACE FUNCTION album_table_now() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN album_table();
END
$$;

-- NULL while changes may pass unnoticed: a trigger is gone, switched off, or fires otherwise than above. The
-- triggers are part of the version, since what was written while they were off has left no mark.
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

-- What the files before this one have changed shows in no album.
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
    -- As for the other tables: whoever dumps and restores as this role takes it along.
    GRANT ALL ON catalog_changes TO service_role;
  END IF;
END
$$;

NOTIFY pgrst, 'reload schema';
