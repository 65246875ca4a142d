-- Finds albums by artist and title, exactly, by beginning, by words, and by similar words.
-- 006_normalised_album_names.sql describes the names. The functions are replaced and not dropped, so that this file may
-- be run again even while searches run.

SET search_path = public, extensions;

-- Returns the words of a query that must occur in the names. The word "by", as in "Kid A by Radiohead", is
-- left out, because most names do not contain it.
CREATE OR REPLACE FUNCTION sought_words(query_key text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce(nullif(array_remove(name_words(query_key), 'by'), '{}'), name_words(query_key));

-- Returns a token in the form in which a tsquery contains it.
CREATE OR REPLACE FUNCTION quoted_token(token text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '''' || replace(replace(token, '\', '\\'), '''', '''''') || '''';

-- Returns the query for albums whose names contain all words, of which the last may be incomplete, and for
-- albums with a name that equals the query apart from spaces.
CREATE OR REPLACE FUNCTION words_query(query_key text) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT (concat('(', string_agg(quoted_token(word), ' & ' ORDER BY n), ':*)',
                 ' | ' || CASE WHEN strpos(query_key, ' ') > 0 AND length(query_key) <= 40
                               THEN quoted_token(replace(query_key, ' ', '')) || ':*' END))::tsquery
  FROM unnest(sought_words(query_key)) WITH ORDINALITY w(word, n);
END;

-- Returns the query for albums whose names contain, for each word, the word itself or a similar word; NULL if
-- no word has typo keys. If `near` is true, words are similar only if they are equal apart from doubled
-- letters, or if the query's word lacks one letter.
CREATE OR REPLACE FUNCTION typo_query(query_key text, near boolean) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
  words CONSTANT text[] := sought_words(query_key);
  conditions text[] := '{}';
  keys text[];
  has_typo_keys boolean := false;
  begins text;
BEGIN
  FOR n IN 1..cardinality(words) LOOP
    keys := typo_keys(words[n]);
    has_typo_keys := has_typo_keys OR keys <> '{}';
    -- The last word may be incomplete. A beginning of fewer than five letters is not compared, because too
    -- many words are similar.
    begins := CASE WHEN n = cardinality(words) AND length(keys[1]) > 5 THEN ':*' ELSE '' END;
    conditions := conditions || (
      SELECT '(' || string_agg(quoted_token(token) || begins, ' | ') || ')'
      FROM unnest(words[n] || CASE WHEN near THEN keys[:1] ELSE keys END) token
    );
  END LOOP;
  RETURN CASE WHEN has_typo_keys THEN array_to_string(conditions, ' & ')::tsquery END;
END
$$;

-- Returns the full names that a query may mean: the query, and the query without one "by" in its middle.
CREATE OR REPLACE FUNCTION full_names(query_key text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  words CONSTANT text[] := string_to_array(query_key, ' ');
  names text[] := ARRAY[query_key];
BEGIN
  FOR n IN 2..cardinality(words) - 1 LOOP
    IF words[n] = 'by' AND cardinality(names) <= 5 THEN
      names := names || array_to_string(words[:n - 1] || words[n + 1:], ' ');
    END IF;
  END LOOP;
  RETURN names;
END
$$;

-- Returns the rank of an album in a search for names: 0 if the query is its artist and title in either order,
-- 1 if the query is its title, 2 its artist, 3 the beginning of its names in either order, otherwise 4. The
-- function has no SET clause, so that the planner can inline it.
CREATE OR REPLACE FUNCTION name_rank(album album_names, query_key text, full_names text[]) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN album.artist_first = ANY (full_names) OR album.title_first = ANY (full_names) THEN 0
  WHEN album.title_key = query_key THEN 1
  WHEN album.artist_key = query_key THEN 2
  WHEN starts_with(album.artist_first, query_key) OR starts_with(album.title_first, query_key) THEN 3
  ELSE 4
END;

-- Returns the difference between the length of the query and the most similar of three lengths: the length of
-- the artist, of the title, and of both together.
CREATE OR REPLACE FUNCTION length_difference(album album_names, query_key text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(abs(length(album.artist_key) - length(query_key)),
             abs(length(album.title_key) - length(query_key)),
             abs(length(album.artist_first) - length(query_key)));

-- Returns the number of characters of the longer text that are left after the common beginning and the common end
-- of two texts are removed. If the texts differ by one letter, the number is 1.
CREATE OR REPLACE FUNCTION characters_between(a text, b text) RETURNS int
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
  shorter CONSTANT int := least(length(a), length(b));
  equal int := 0;
  equal_at_end int := 0;
BEGIN
  WHILE equal < shorter AND substr(a, equal + 1, 1) = substr(b, equal + 1, 1) LOOP
    equal := equal + 1;
  END LOOP;
  WHILE equal_at_end < shorter - equal
        AND substr(a, length(a) - equal_at_end, 1) = substr(b, length(b) - equal_at_end, 1) LOOP
    equal_at_end := equal_at_end + 1;
  END LOOP;
  RETURN greatest(length(a), length(b)) - equal - equal_at_end;
END
$$;

-- Returns the number by which albums of one rank are ordered: 1000 times `length_difference`, plus, for albums
-- with similar words, the number of characters between the query and the closest whole name.
CREATE OR REPLACE FUNCTION name_difference(album album_names, query_key text, has_similar_words boolean) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1000 * length_difference(album, query_key) + CASE WHEN has_similar_words THEN least(
  characters_between(album.artist_key, query_key),
  characters_between(album.title_key, query_key),
  characters_between(album.artist_first, query_key)) ELSE 0 END;

-- Returns the albums of the given rank (0 to 3) that come after the given name and id, ordered by `name` and id.
CREATE OR REPLACE FUNCTION names_that_begin(
  sought_rank int, query_key text, full_names text[], after_name text, after_id text, wanted int
) RETURNS TABLE (name text, id text)
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
-- The planner must read the names in the order of an index, so that the first rows end the search. A sort
-- would need all names with the same beginning.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
  -- In the "C" collation, an exclamation mark follows the space, and chr(1114111) follows every character.
  low CONSTANT text := greatest(query_key || CASE sought_rank WHEN 3 THEN '' ELSE ' ' END, after_name);
  high CONSTANT text := query_key || CASE sought_rank WHEN 3 THEN chr(1114111) ELSE '!' END;
BEGIN
  IF sought_rank = 0 THEN
    RETURN QUERY
    SELECT n.artist_first, n.id FROM album_names n
    WHERE n.artist_first = ANY (full_names) AND (n.artist_first, n.id) > (after_name, after_id)
    UNION ALL
    SELECT n.title_first, n.id FROM album_names n
    WHERE n.title_first = ANY (full_names) AND (n.title_first, n.id) > (after_name, after_id)
      AND n.artist_first <> ALL (full_names)
    ORDER BY 1, 2 LIMIT wanted;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT each.name, each.id
  FROM (
    (SELECT n.artist_first AS name, n.id FROM album_names n
     WHERE sought_rank IN (2, 3) AND n.artist_first >= low AND n.artist_first < high
       AND (n.artist_first, n.id) > (after_name, after_id)
       AND name_rank(n, query_key, full_names) = sought_rank
     ORDER BY 1, 2 LIMIT wanted)
    UNION ALL
    (SELECT n.title_first, n.id FROM album_names n
     WHERE sought_rank IN (1, 3) AND n.title_first >= low AND n.title_first < high
       AND (n.title_first, n.id) > (after_name, after_id)
       AND name_rank(n, query_key, full_names) = sought_rank
       AND (sought_rank = 1 OR NOT starts_with(n.artist_first, query_key))
     ORDER BY 1, 2 LIMIT wanted)
  ) each
  ORDER BY 1, 2 LIMIT wanted;
END
$$;

-- Returns the albums of rank 4 whose tokens match, ordered by `difference`, `name` and id, after the given
-- position.
CREATE OR REPLACE FUNCTION names_with_words(
  tokens tsquery, query_key text, full_names text[], has_similar_words boolean,
  after_difference int, after_name text, after_id text, wanted int
) RETURNS TABLE (difference int, name text, id text)
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT found.* FROM (
    SELECT name_difference(n, query_key, has_similar_words), n.artist_first, n.id FROM album_names n
    WHERE name_tokens(n.artist_key, n.title_key) @@ tokens AND name_rank(n, query_key, full_names) = 4
    -- OFFSET keeps the planner from computing the difference once more for the condition below.
    OFFSET 0
  ) found (difference, name, id)
  WHERE (found.difference, found.name, found.id) > (after_difference, after_name, after_id)
  ORDER BY 1, 2, 3 LIMIT wanted;
END
$$;

-- Returns the albums whose names match a query, the best first. The ranks 0 to 3 are those of `name_rank`;
-- albums of rank 4 have all words of the query, and albums of the ranks 5 and 6 have similar words. Albums of
-- equal rank are ordered by `difference`, `name` and id, so that each album has one position. The function
-- returns only albums after the position that the parameters `after_…` describe. A rank is searched only if
-- the ranks before it have fewer than `wanted` albums.
CREATE OR REPLACE FUNCTION ranked_names(
  query_key text, wanted int, last_rank int DEFAULT 6,
  after_rank int DEFAULT 0, after_difference int DEFAULT -1,
  after_name text DEFAULT '', after_id text DEFAULT ''
) RETURNS TABLE (rank int, difference int, name text, id text)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
  full_names CONSTANT text[] := full_names(query_key);
  words tsquery;
  near tsquery;
  found int;
BEGIN
  IF query_key = '' THEN
    RETURN;
  END IF;
  FOR r IN after_rank..last_rank LOOP
    IF r < 4 THEN
      RETURN QUERY SELECT r, 0, n.*
      FROM names_that_begin(r, query_key, full_names, after_name, after_id, wanted) n;
    ELSE
      words := coalesce(words, words_query(query_key));
      IF r > 4 THEN
        near := coalesce(near, typo_query(query_key, true));
        EXIT WHEN near IS NULL;
      END IF;
      RETURN QUERY SELECT r, n.*
      FROM names_with_words(
        CASE r WHEN 4 THEN words
               WHEN 5 THEN near && !!words
               ELSE typo_query(query_key, false) && !!near && !!words END,
        query_key, full_names, r > 4, after_difference, after_name, after_id, wanted) n;
    END IF;
    GET DIAGNOSTICS found = ROW_COUNT;
    wanted := wanted - found;
    EXIT WHEN wanted <= 0;
    after_difference := -1;
    after_name := '';
    after_id := '';
  END LOOP;
END
$$;

-- Returns one page of the albums whose names match a query, the best first, or of all albums in the order of
-- their ids if the query is NULL: {"version": …, "albums": […], "next": …}. The field `match` of an album is
-- `exact`, `prefix`, `words` or `similar`. `next` is the position of the page's last album, which the caller
-- passes to the call for the next page; on the last page, `next` is null.
CREATE OR REPLACE FUNCTION find_albums(
  query            text DEFAULT NULL,
  match_count      int  DEFAULT 20,
  after_rank       int  DEFAULT 0,
  after_difference int  DEFAULT -1,
  after_name       text DEFAULT '',
  after_id         text DEFAULT ''
) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  version CONSTANT text := version_to_read();
BEGIN
  IF match_count IS NULL OR match_count NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'match_count must lie in 1..1000, not %', match_count USING ERRCODE = '22023';
  END IF;
  RETURN (
    WITH found AS MATERIALIZED (
      -- One album more than the page has, so that the page can tell whether it is the last one.
      SELECT f.*, row_number() OVER () AS place
      FROM ranked_names(name_key(query), match_count + 1, 6,
                        after_rank, after_difference, after_name, after_id) f
      WHERE query IS NOT NULL
      UNION ALL
      SELECT NULL, NULL, NULL, a.id, row_number() OVER (ORDER BY a.id)
      FROM (SELECT each.id FROM album_covers each WHERE query IS NULL AND each.id > after_id
            ORDER BY each.id LIMIT match_count + 1) a
    )
    SELECT json_build_object(
      'version', version,
      'albums', coalesce(json_agg(to_jsonb(a) || jsonb_build_object('match', CASE
        WHEN f.rank <= 2 THEN 'exact' WHEN f.rank = 3 THEN 'prefix' WHEN f.rank = 4 THEN 'words'
        WHEN f.rank >= 5 THEN 'similar' END) ORDER BY f.place) FILTER (WHERE f.place <= match_count), '[]'),
      'next', (
        SELECT json_build_object(
          'rank', last.rank, 'difference', last.difference, 'name', last.name, 'id', last.id)
        FROM found last
        WHERE last.place = match_count AND EXISTS (SELECT FROM found f WHERE f.place > match_count)
      ))
    FROM found f JOIN albums_by_id(ARRAY(SELECT id FROM found), with_details => false) a ON a.id = f.id
  );
END
$$;

-- Returns the albums whose name is a text, at most `match_count`, as a JSON array. A name is the title, or
-- artist and title in either order. `versioned_search` calls this function for searches by text. If the
-- names or a function are missing, the result is an empty array, with a warning in PostgreSQL's log, so that
-- the search does not fail. Every other error, such as a lack of memory, makes the search fail, because its
-- result would be cached without the albums; the client retries the search.
CREATE OR REPLACE FUNCTION named_albums(query text, match_count int DEFAULT 3) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = public, extensions, pg_temp
SET plan_cache_mode = force_generic_plan
-- Otherwise the planner might expect one of the first names to be found, and read all names if none is.
SET enable_seqscan = off
AS $$
DECLARE
  query_key text;
  full_names text[];
  ids text[] := '{}';
BEGIN
  query_key := name_key(query);
  full_names := full_names(query_key);
  -- For most texts this condition is false, and takes 0.1 ms less than the ranking.
  IF EXISTS (SELECT FROM album_names n WHERE n.artist_first = ANY (full_names))
    OR EXISTS (SELECT FROM album_names n WHERE n.title_first = ANY (full_names))
    OR EXISTS (SELECT FROM album_names n WHERE n.title_first >= query_key || ' ' AND n.title_first < query_key || '!')
  THEN
    ids := ARRAY(SELECT f.id FROM ranked_names(query_key, match_count, 1) f);
  END IF;
  IF ids = '{}' THEN
    RETURN '[]';
  END IF;
  RETURN (SELECT coalesce(json_agg(a ORDER BY array_position(ids, a.id)), '[]')
          FROM albums_by_id(ids, with_details => false) a);
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function THEN
  RAISE WARNING 'albums could not be found by their names: %', SQLERRM;
  RETURN '[]';
END
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
      AND proname IN ('sought_words', 'quoted_token', 'words_query', 'typo_query', 'full_names',
                      'name_rank', 'length_difference', 'characters_between',
                      'name_difference', 'names_that_begin', 'names_with_words',
                      'ranked_names', 'find_albums', 'named_albums')
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', routine.signature, shut_out);
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('service_role', 'catalog_reader') LOOP
      IF routine.proname = 'find_albums' THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.signature, role);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

NOTIFY pgrst, 'reload schema';
