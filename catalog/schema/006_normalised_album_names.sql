-- The table `album_names` contains the artist and the title of each album without case, accents and
-- punctuation, by which 006_search_by_name.sql finds albums. The table is narrow, so that a search can rank
-- thousands of names in milliseconds. Triggers on `album_covers` keep the table up to date within the
-- writer's transaction.
--
-- No extension is needed: the functions also work where pg_trgm and unaccent are missing, and where the role
-- that applies this file may not create extensions.
--
-- This file may be run again even while searches run, because it drops no function that a search calls. It
-- computes the names only if they are missing or may be wrong. After a change of `name_words`, `typo_keys` or `name_tokens`, the index
-- `album_names_tokens` must be rebuilt with REINDEX.

SET search_path = public, extensions;

-- Returns a name in lower case, without accents, with a space in place of each punctuation character. The
-- regular expressions list ranges of characters, because the database's locale may know only English letters. In
-- PL/pgSQL the function takes 0.1 ms less than in SQL, because PostgreSQL would read and plan the SQL in each call.
CREATE OR REPLACE FUNCTION plain_name(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN CASE
    WHEN name COLLATE "C" ~ '^[ -~]*$' THEN
      -- `translate` removes apostrophes, because the third argument has no character for them.
      translate(lower(name COLLATE "C"), '-!"#$%&()*+,./:;<=>?@[\]^_{|}~''`', repeat(' ', 30))
    ELSE
      regexp_replace(regexp_replace(replace(replace(replace(translate(
        -- `genre_key` converts to lower case in every script, and composes the letters again.
        genre_key(regexp_replace(normalize(name, NFKD),
          '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640'
          '\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff'
          '\ufe20-\ufe2f]+', '', 'g')),
        'øđðħłŋŧı', 'oddhlnti'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
        '[''`\u2018-\u201b\u2032\u02b9-\u02bf\u02c8]+', '', 'g'),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf'
        '\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02df\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6'
        '\u05f3\u05f4\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u06de\u06e9\u0700-\u070d\u0964\u0965'
        '\u0970\u0e3f\u0e4f\u0e5a\u0e5b\u104a-\u104f\u10fb\u1360-\u1368\u17d4-\u17da\u1800-\u180a'
        '\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030'
        '\u303d\u30a0\u30fb\ufe00-\ufe0f\ufe10-\ufe6f\ufeff\ufff9-\uffff\U0001f000-\U0001faff'
        '\U000e0000-\U000e0fff]+', ' ', 'g')
  END;
END
$$;

-- Returns the same key for all spellings of a name that differ only in case, accents, punctuation, or the
-- words "the" and "and": 'Simon & Garfunkel' and 'simon and garfunkel' have the key 'simon garfunkel'. A name
-- that consists of punctuation, such as '!!!', keeps it. A key has at most 150 characters, so that it fits
-- into an index entry.
CREATE OR REPLACE FUNCTION name_key(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  plain CONSTANT text := btrim(regexp_replace(plain_name(name), ' +', ' ', 'g'));
  words CONSTANT text := btrim(regexp_replace(' ' || plain || ' ', '( (the|and))+(?= )', '', 'g'));
BEGIN
  RETURN btrim(left(coalesce(
    nullif(words, ''), nullif(plain, ''), replace(genre_key(name), ' ', ''), ''), 150)) COLLATE "C";
END
$$;

-- Returns the words of a key. Each character of a script that writes no spaces, such as Chinese, is a word.
CREATE OR REPLACE FUNCTION name_words(key text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(string_to_array(
  CASE WHEN key ~ '^[\u0001-\u0dff]*$' THEN key ELSE regexp_replace(
    key, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3021-\u312f\u3400-\u9fff\uf900-\ufaff'
    '\U00020000-\U0003ffff])', ' \1 ', 'g') END, ' '), '');

-- Returns the typo keys of a word, which begin with a space, so that no word equals or begins a typo key: the
-- word's first eight letters, with doubled letters written once, and then every text that lacks one of these
-- letters. Two words that differ by a
-- letter that is missing, added, replaced or exchanged with its neighbour have a typo key in common. Three
-- letters have only the first key. Fewer letters and words with digits have no key, because too many of them
-- are similar.
CREATE OR REPLACE FUNCTION typo_keys(word text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  short CONSTANT text := left(regexp_replace(word, '(.)\1+', '\1', 'g'), 8);
  keys text[] := ARRAY[' ' || short];
BEGIN
  IF length(short) < 3 OR word ~ '[0-9]' THEN
    RETURN '{}';
  ELSIF length(short) = 3 THEN
    RETURN keys;
  END IF;
  -- A query over generate_series would take ten times as long as this loop.
  FOR n IN 1..length(short) LOOP
    keys := keys || (' ' || left(short, n - 1) || substr(short, n + 1));
  END LOOP;
  RETURN keys;
END
$$;

-- Returns the entries of an album in the index of words: its words, their typo keys, and each name without
-- spaces.
CREATE OR REPLACE FUNCTION name_tokens(artist_key text, title_key text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
  tokens text[] := '{}';
  key text;
  word text;
BEGIN
  FOREACH key IN ARRAY ARRAY[artist_key, title_key] LOOP
    IF strpos(key, ' ') > 0 AND length(key) <= 40 THEN
      tokens := tokens || replace(key, ' ', '');
    END IF;
    FOREACH word IN ARRAY name_words(key) LOOP
      tokens := tokens || word || typo_keys(word);
    END LOOP;
  END LOOP;
  RETURN array_to_tsvector(tokens);
END
$$;

CREATE TABLE IF NOT EXISTS album_names (
  id           text PRIMARY KEY,
  artist_key   text COLLATE "C" NOT NULL,
  title_key    text COLLATE "C" NOT NULL,
  artist_first text COLLATE "C" NOT NULL GENERATED ALWAYS AS (btrim(artist_key || ' ' || title_key)) STORED,
  title_first  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (btrim(title_key || ' ' || artist_key)) STORED
);

-- Updates `album_names` after an album was inserted, updated or deleted, or after all albums were deleted.
CREATE OR REPLACE FUNCTION keep_album_names() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE album_names;
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.artist, NEW.album_name) IS NOT DISTINCT FROM (OLD.id, OLD.artist, OLD.album_name) THEN
      RETURN NULL;
    END IF;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    -- The same statement may have given the old id to another album, whose names are kept.
    DELETE FROM album_names n
    WHERE n.id = OLD.id AND NOT EXISTS (SELECT FROM album_covers a WHERE a.id = OLD.id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO album_names (id, artist_key, title_key)
    VALUES (NEW.id, name_key(NEW.artist), name_key(NEW.album_name))
    ON CONFLICT (id) DO UPDATE SET artist_key = excluded.artist_key, title_key = excluded.title_key;
  END IF;
  RETURN NULL;
END
$$;

-- Discards a change of `album_names` that arrives through a logical subscription. If a publication contains all
-- tables, the subscriber receives an album and the album's names. The trigger on `album_covers` has written the
-- names when the album arrived, and the primary key would refuse the same row a second time.
CREATE OR REPLACE FUNCTION discard_received_names() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RETURN NULL;
END
$$;

-- The depth is 0 for a change that was received, and 1 for a change by the trigger on `album_covers`.
CREATE OR REPLACE TRIGGER album_names_received BEFORE INSERT OR UPDATE OR DELETE ON album_names
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION discard_received_names();
ALTER TABLE album_names ENABLE REPLICA TRIGGER album_names_received;

-- Creates the triggers that keep `album_names` up to date. The triggers fire for every writer, also for
-- changes that arrive through a logical subscription. `catalog reembed` calls this function after it has
-- replaced the table `album_covers`.
CREATE OR REPLACE FUNCTION follow_album_names() RETURNS void
LANGUAGE plpgsql SET search_path = public, extensions, pg_temp AS $$
BEGIN
  -- The trigger has no list of columns, because PostgreSQL refuses to change the type of a column in such a
  -- list. Searches do not wait for the lock of CREATE OR REPLACE, but would wait for the lock of DROP.
  CREATE OR REPLACE TRIGGER album_covers_names AFTER INSERT OR UPDATE OR DELETE ON album_covers
    FOR EACH ROW EXECUTE FUNCTION keep_album_names();
  ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_names;
  CREATE OR REPLACE TRIGGER album_covers_all_names AFTER TRUNCATE ON album_covers
    FOR EACH STATEMENT EXECUTE FUNCTION keep_album_names();
  ALTER TABLE album_covers ENABLE ALWAYS TRIGGER album_covers_all_names;
END
$$;

-- Returns whether `album_names` is kept up to date: both triggers exist and fire for every writer.
CREATE OR REPLACE FUNCTION follows_album_names() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
  SELECT count(*) = 2 FROM pg_trigger t
  WHERE t.tgrelid = 'album_covers'::regclass AND t.tgenabled = 'A'
    AND t.tgname IN ('album_covers_names', 'album_covers_all_names')
$$;

-- Returns a hash of the functions that compute the names.
CREATE OR REPLACE FUNCTION names_definition() RETURNS text
LANGUAGE sql STABLE SET search_path = public, extensions, pg_temp AS $$
  SELECT md5(string_agg(pg_get_functiondef(oid), '' ORDER BY proname)) FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace AND proname IN ('genre_key', 'plain_name', 'name_key')
$$;

-- Returns whether all names were computed by the present functions and kept up to date since then. The comment
-- of the table contains the hash of the functions that computed the names.
CREATE OR REPLACE FUNCTION names_are_complete() RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, extensions, pg_temp AS $$
  SELECT follows_album_names()
     AND obj_description('album_names'::regclass, 'pg_class') = 'complete: ' || names_definition()
$$;

-- Corrects the names of the next albums after an id, in the order of ids, and returns the last of these ids, or
-- NULL if there are no further albums. Other transactions can read albums, but cannot change albums until the
-- caller's transaction ends.
CREATE OR REPLACE FUNCTION fill_album_names(after_id text, page_size int) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  last_id text;
BEGIN
  LOCK TABLE album_covers IN SHARE ROW EXCLUSIVE MODE;
  SELECT page.id INTO last_id
  FROM (SELECT a.id FROM album_covers a WHERE after_id IS NULL OR a.id > after_id
        ORDER BY a.id LIMIT page_size) page
  ORDER BY page.id DESC LIMIT 1;
  DELETE FROM album_names n
  WHERE (after_id IS NULL OR n.id > after_id) AND (last_id IS NULL OR n.id <= last_id)
    AND NOT EXISTS (SELECT FROM album_covers a WHERE a.id = n.id);
  WITH due AS MATERIALIZED (
    SELECT a.id, name_key(a.artist) AS artist_key, name_key(a.album_name) AS title_key
    FROM album_covers a WHERE (after_id IS NULL OR a.id > after_id) AND a.id <= last_id
  )
  INSERT INTO album_names (id, artist_key, title_key)
  SELECT due.id, due.artist_key, due.title_key FROM due LEFT JOIN album_names n ON n.id = due.id
  WHERE n.id IS NULL OR (n.artist_key, n.title_key) <> (due.artist_key, due.title_key)
  ON CONFLICT (id) DO UPDATE SET artist_key = excluded.artist_key, title_key = excluded.title_key;
  RETURN last_id;
END
$$;

-- Records that all names are complete, and a change, because cached results contain the albums that were found
-- by the former names.
CREATE OR REPLACE FUNCTION finish_album_names() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  EXECUTE format('COMMENT ON TABLE album_names IS %L', 'complete: ' || names_definition());
  INSERT INTO catalog_changes VALUES (random_mark());
END
$$;

-- If a trigger was missing or disabled, some changes may not have reached the names; then all names are computed again.
-- `python -m catalog migrate` sets `cover_search.names_later`: it computes the names after the transaction that
-- applies the schema, page by page, because that transaction makes searches wait.
DO $$
DECLARE
  last_id text;
BEGIN
  IF NOT follows_album_names() THEN
    COMMENT ON TABLE album_names IS NULL;
  END IF;
  PERFORM follow_album_names();
  IF names_are_complete() OR current_setting('cover_search.names_later', true) = 'on' THEN
    RETURN;
  END IF;
  LOOP
    last_id := fill_album_names(last_id, NULL);
    EXIT WHEN last_id IS NULL;
  END LOOP;
  PERFORM finish_album_names();
END
$$;

CREATE INDEX IF NOT EXISTS album_names_artist ON album_names (artist_first);
CREATE INDEX IF NOT EXISTS album_names_title ON album_names (title_first);
-- fastupdate is off, because with it every search would have to read the index's list of pending entries.
CREATE INDEX IF NOT EXISTS album_names_tokens ON album_names
  USING gin (name_tokens(artist_key, title_key)) WITH (fastupdate = off);
ANALYZE album_names;

DO $$
DECLARE
  shut_out text := 'PUBLIC';
  routine record;
  role name;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'catalog_reader') LOOP
    shut_out := shut_out || ', ' || quote_ident(role);
  END LOOP;
  ALTER TABLE album_names ENABLE ROW LEVEL SECURITY;
  EXECUTE format('REVOKE ALL ON album_names FROM %s', shut_out);
  FOR routine IN
    SELECT oid::regprocedure AS signature, proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND proname IN ('plain_name', 'name_key', 'name_words', 'typo_keys', 'name_tokens',
                      'keep_album_names', 'discard_received_names',
                      'follow_album_names', 'follows_album_names', 'names_definition',
                      'names_are_complete', 'fill_album_names', 'finish_album_names')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
    -- `service_role` gets all privileges on every table, so that a dump made by `service_role` includes every
    -- table.
    GRANT ALL ON album_names TO service_role;
  END IF;
END
$$;

NOTIFY pgrst, 'reload schema';
