-- The catalog's version is a text that differs after every committed change and never repeats.
--
-- Every transaction that changes albums adds a row with a random number to `catalog_changes`. The version
-- contains the sum of the numbers that a snapshot of the database sees. Two snapshots with the same sum see the
-- same changes and therefore the same albums. A search reads the version and the albums in one snapshot, so the
-- version identifies the albums that were searched. Writers only insert rows into `catalog_changes`, so that
-- they never wait for each other. The numbers are random instead of consecutive, so that a restored database,
-- or a replica that was promoted without the last transactions, cannot repeat a version.
--
-- This file may be run again even while searches run, because it drops no function that a search calls.

SET search_path = public, extensions;

CREATE TABLE IF NOT EXISTS catalog_changes (mark numeric NOT NULL)
  WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
-- If a publication contains all tables and `catalog_changes` has no replica identity, the DELETE in
-- `bump_catalog_version` fails, and with it the write to the albums.
ALTER TABLE catalog_changes REPLICA IDENTITY FULL;
ALTER TABLE catalog_changes ENABLE ROW LEVEL SECURITY;

-- Returns 60 random bits. `random()` is not used, because it repeats its numbers in a session that sets its
-- seed.
CREATE OR REPLACE FUNCTION random_mark() RETURNS bigint LANGUAGE sql VOLATILE
RETURN ('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint;

-- Adds a row to `catalog_changes` for a transaction that changes albums, and records in a setting that the
-- transaction has a row. The setting is local to the transaction, and a rollback to a savepoint undoes the row
-- and the setting together.
CREATE OR REPLACE FUNCTION bump_catalog_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  drawn CONSTANT bigint := random_mark();
BEGIN
  INSERT INTO catalog_changes VALUES (drawn);
  PERFORM set_config('cover_search.changed_in', pg_current_xact_id()::text, true);
  -- On average, every 64th call replaces up to 1,000 rows with one row that contains their sum, which does not
  -- change the version. The call skips rows that another transaction has locked for the same purpose. In
  -- isolation levels stricter than READ COMMITTED the deletion could fail.
  IF drawn % 64 = 0 AND current_setting('transaction_isolation') = 'read committed' THEN
    WITH few AS (SELECT ctid FROM catalog_changes LIMIT 1000 FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM catalog_changes c USING few WHERE c.ctid = few.ctid RETURNING c.mark)
    INSERT INTO catalog_changes SELECT sum(mark) FROM gone HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END
$$;

-- The triggers fire once in a transaction, for every writer, even if `session_replication_role` is `replica`.
-- Changes that arrive through a logical subscription fire only row triggers; `album_covers_row_applied` exists
-- for such changes.
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

  -- A change of the thumbnails changes the catalog's version, because search results contain thumbnails.
  DROP TRIGGER IF EXISTS cover_thumbnails_changed ON cover_thumbnails;
  EXECUTE 'CREATE TRIGGER cover_thumbnails_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE '
    'ON cover_thumbnails FOR EACH STATEMENT WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE cover_thumbnails ENABLE ALWAYS TRIGGER cover_thumbnails_changed;

  DROP TRIGGER IF EXISTS cover_thumbnails_row_applied ON cover_thumbnails;
  EXECUTE 'CREATE TRIGGER cover_thumbnails_row_applied AFTER INSERT OR UPDATE OR DELETE ON cover_thumbnails '
    'FOR EACH ROW WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE cover_thumbnails ENABLE REPLICA TRIGGER cover_thumbnails_row_applied;

  -- A change of the prints changes the catalog's version, because which album a photograph shows, and which albums
  -- are editions of each other, is computed from prints and cached for a version.
  DROP TRIGGER IF EXISTS cover_prints_changed ON cover_prints;
  EXECUTE 'CREATE TRIGGER cover_prints_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cover_prints '
    'FOR EACH STATEMENT WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE cover_prints ENABLE ALWAYS TRIGGER cover_prints_changed;

  DROP TRIGGER IF EXISTS cover_prints_row_applied ON cover_prints;
  EXECUTE 'CREATE TRIGGER cover_prints_row_applied AFTER INSERT OR UPDATE OR DELETE ON cover_prints '
    'FOR EACH ROW WHEN ' || unmarked || ' EXECUTE FUNCTION bump_catalog_version()';
  ALTER TABLE cover_prints ENABLE REPLICA TRIGGER cover_prints_row_applied;
END
$$;

-- Returns a text that identifies the stored table `album_covers`. The text changes if the table is truncated,
-- rewritten or replaced, or if a column is changed or renamed. The table is looked up by name and not by
-- regclass, because regclass finds the newest table even if the snapshot is older. A change of a column changes
-- the `xmin` (the number of the transaction that wrote a row) of its row in pg_attribute, and therefore the sum
-- in the text.
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

-- Returns the text of `album_table` in a new snapshot, because this function is VOLATILE.
CREATE OR REPLACE FUNCTION album_table_now() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  RETURN album_table();
END
$$;

-- Returns the catalog's version, or NULL if changes may be unrecorded, because a trigger of this file is
-- missing, disabled or set to fire in other cases. Changes made while a trigger is
-- disabled are not recorded. Therefore the version contains the `oid` and `xmin` of each trigger, which differ
-- after the trigger was disabled, enabled or created again.
CREATE OR REPLACE FUNCTION catalog_version() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  triggers text := (
    SELECT string_agg(concat_ws('.', t.oid, t.xmin), '.' ORDER BY t.tgname)
    FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE c.relname IN ('album_covers', 'cover_thumbnails', 'cover_prints') AND c.relnamespace = 'public'::regnamespace
      AND (c.relname, t.tgname, t.tgenabled) IN (
        ('album_covers', 'album_covers_changed', 'A'),
        ('album_covers', 'album_covers_row_applied', 'R'),
        ('cover_thumbnails', 'cover_thumbnails_changed', 'A'),
        ('cover_thumbnails', 'cover_thumbnails_row_applied', 'R'),
        ('cover_prints', 'cover_prints_changed', 'A'),
        ('cover_prints', 'cover_prints_row_applied', 'R'))
    HAVING count(*) = 6
  );
BEGIN
  RETURN album_table() || triggers || '/' || (SELECT sum(mark) FROM catalog_changes);
END
$$;

-- Record a change, because the schema files before this one may have changed albums without recording it.
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
    -- `service_role` gets all privileges on every table, so that a dump made by `service_role` includes every
    -- table.
    GRANT ALL ON catalog_changes TO service_role;
  END IF;
END
$$;

NOTIFY pgrst, 'reload schema';
