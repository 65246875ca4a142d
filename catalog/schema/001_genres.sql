-- The genres of an album: `genre` is the first, `genres` contains all, and `genre_keys` contains the normalised
-- forms that are compared. Applied after 001_albums.sql, because it needs that file's table.
--
-- Rows may be written with only `genre`, as plain SQL and Supabase's table editor do, or with `genres`; a
-- trigger keeps the three columns consistent. Rows of an older schema are not rewritten, because that would
-- insert every album into the HNSW index again. They have NULL in `genres` and `genre_keys`, which means that
-- `genre` is the only genre. UPDATE album_covers SET genre = genre fills the two columns.

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

-- Returns the same key for all spellings of a genre: upper or lower case, any Unicode form and width, any white
-- space. It must not depend on the database's locale, which may know only English letters. Therefore the upper
-- and lower case of other scripts is listed here; accents are decomposed before. `genre_key` in
-- common/genres.py computes the same.
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

-- Makes `genre`, `genres` and `genre_keys` of a written row consistent.
CREATE OR REPLACE FUNCTION keep_genres() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
DECLARE
  named text[] := all_genres(NEW.genre, NEW.genres);
  name text;
  key text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.genres IS NOT DISTINCT FROM OLD.genres AND NEW.genre IS DISTINCT FROM OLD.genre THEN
      -- Only `genre` was changed: it replaces the first genre. If it is NULL, the album has no genre any more.
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

-- `album_stats` uses this index to count the genres after the first.
CREATE INDEX IF NOT EXISTS album_covers_several_genres ON album_covers (genres) WHERE cardinality(genres) > 1;

DO $$
BEGIN
  IF to_regclass('album_covers_genre_keys') IS NOT NULL THEN
    RETURN;
  END IF;
  -- For all other rows of an older schema the key equals `lower(genre)`.
  UPDATE album_covers SET genre = genre
  WHERE genre_keys IS NULL AND (genres IS NOT NULL OR genre_key(genre) <> lower(genre));
  -- fastupdate is off because every search would have to read the pending list.
  CREATE INDEX album_covers_genre_keys ON album_covers
    USING gin (coalesce(genre_keys, ARRAY[lower(genre)])) WITH (fastupdate = off);
  -- The planner has no statistics of an expression until its index has been analyzed.
  ANALYZE album_covers;
END
$$;
