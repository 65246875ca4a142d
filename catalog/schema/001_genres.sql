-- Adds the columns for the genres of an album. `genre` is the album's first genre, `genres` contains all of its
-- genres, and `genre_keys` contains their normalised forms, which searches compare. This file must be run after
-- 001_albums.sql, which creates the table.
--
-- A writer, such as Supabase's table editor, may set only `genre` or only `genres`; a trigger keeps the three
-- columns consistent. Rows of an older schema are not rewritten, because a rewrite would insert every album
-- into the HNSW index again. If `genres` and `genre_keys` are NULL, `genre` is the album's only genre. To fill
-- `genres` and `genre_keys` in old rows, run UPDATE album_covers SET genre = genre.

SET search_path = public, extensions;

DO $$
DECLARE
  present text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                   WHERE attrelid = 'album_covers'::regclass AND attname = 'genres' AND NOT attisdropped);
BEGIN
  IF present <> 'text[]' THEN
    RAISE EXCEPTION 'album_covers has a column genres of the type %, where text[] is needed', present
      USING HINT = 'Rename it: ALTER TABLE album_covers RENAME COLUMN genres TO own_genres;';
  END IF;
END
$$;

ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS genres text[];
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS genre_keys text[];

-- Returns the same key for all spellings of a genre that differ only in case, Unicode form, character width or
-- white space. The key must not depend on the database's locale, which may know only English letters. Therefore
-- the arguments of `translate` list the upper-case letters of other scripts and their lower-case forms. Letters
-- with accents are not listed, because `normalize` separates accents from letters first. The function
-- `genre_key` in common/genres.py computes the same key.
CREATE OR REPLACE FUNCTION genre_key(genre text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
  WHEN genre COLLATE "C" ~ '^[!-~]+( [!-~]+)*$' THEN lower(genre COLLATE "C")
  ELSE btrim(regexp_replace(normalize(replace(translate(
    lower(normalize(genre, NFKD) COLLATE "C"),
    'ÆÐØÞĐĦŁŊŒŦƁƆƉƊƎƏƐƓƔƖƗƘƝƱƲƳƷǤȜȠȺȻȽȾɁɃɄɅɆẞ'
    'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς'
    'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄЅІЈЉЊЋЏҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾ'
    'ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ',
    'æðøþđħłŋœŧɓɔɖɗǝəɛɠɣɩɨƙɲʊʋƴʒǥȝƞⱥȼƚⱦɂƀʉʌɇß'
    'αβγδεζηθικλμνξοπρστυφχψωσ'
    'абвгдежзиклмнопрстуфхцчшщъыьэюяђєѕіјљњћџґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿ'
    'աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ'
  ), 'ß', 'ss'), NFKC), '[\s\x1c-\x1f\x85\u1680\u2028\u2029]+', ' ', 'g'))
END;

-- Returns all genres of a row, beginning with `genre`.
CREATE OR REPLACE FUNCTION all_genres(genre text, genres text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN coalesce(btrim(genre), '') = '' THEN coalesce(genres, '{}')
  WHEN genre = genres[1] THEN genres
  ELSE genre || array_remove(genres, genre)
END;

-- Makes the columns `genre`, `genres` and `genre_keys` of a written row consistent.
CREATE OR REPLACE FUNCTION keep_genres() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  named text[] := all_genres(NEW.genre, NEW.genres);
  name text;
  key text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.genres IS NOT DISTINCT FROM OLD.genres AND NEW.genre IS DISTINCT FROM OLD.genre THEN
      -- Only `genre` was changed: its new value replaces the first genre. If the new value is NULL, the album
      -- has no genre any more.
      named := CASE WHEN NEW.genre IS NULL THEN '{}' ELSE NEW.genre || OLD.genres[2:] END;
    ELSIF NEW.genres IS NOT NULL AND NEW.genre IS NOT DISTINCT FROM OLD.genre THEN
      named := NEW.genres;
    END IF;
  END IF;
  NEW.genres := '{}';
  NEW.genre_keys := '{}';
  FOREACH name IN ARRAY named LOOP
    key := genre_key(name);
    IF key <> '' AND key <> ALL (NEW.genre_keys) THEN
      NEW.genres := NEW.genres || name;
      NEW.genre_keys := NEW.genre_keys || key;
    END IF;
  END LOOP;
  NEW.genre := NEW.genres[1];
  RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS album_covers_genres ON album_covers;
CREATE TRIGGER album_covers_genres
  BEFORE INSERT OR UPDATE OF genre, genres, genre_keys ON album_covers
  FOR EACH ROW EXECUTE FUNCTION keep_genres();

-- `album_stats` uses this index to count the second and later genres of albums.
CREATE INDEX IF NOT EXISTS album_covers_several_genres ON album_covers (genres) WHERE cardinality(genres) > 1;

DO $$
BEGIN
  IF to_regclass('album_covers_genre_keys') IS NOT NULL THEN
    RETURN;
  END IF;
  -- In rows that were written with an older schema, `genre_keys` is NULL, and the index below then uses
  -- `lower(genre)`. Only rows for which `lower(genre)` is not the right key are updated.
  UPDATE album_covers SET genre = genre
  WHERE genre_keys IS NULL AND (genres IS NOT NULL OR genre_key(genre) <> lower(genre));
  -- fastupdate is off, because with it every search would have to read the index's list of pending entries.
  CREATE INDEX album_covers_genre_keys ON album_covers
    USING gin (coalesce(genre_keys, ARRAY[lower(genre)])) WITH (fastupdate = off);
  -- PostgreSQL's planner has no statistics of an index expression until the table is analyzed.
  ANALYZE album_covers;
END
$$;
