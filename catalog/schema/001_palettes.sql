-- Adds the columns for the palette of a cover, and the index for the filter by colour. This file must be run after
-- 001_albums.sql, which creates the table.
--
-- The tools compute a palette together with the embedding; `python -m catalog palettes` computes the palettes that
-- are missing. The columns of an album without a palette are NULL.

SET search_path = public, extensions;

-- Each row of the array describes one colour of the cover, the largest share first. A row contains L, a and b of
-- the colour in OKLab, and the colour's share of the cover, all in thousandths.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS palette smallint[];
-- The version of the algorithm that computed the palette. The tools compute a palette again if it has another version than theirs.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS palette_version smallint;
-- The numbers of the cover's colour cells, which the filter `color` compares; common/colours/cells.py describes them.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS colour_cells smallint[];
-- The name of the colour with the largest share, such as `red`; common/colours/names.py lists the names.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS main_colour text;

-- fastupdate is off, because with it every search would have to read the index's list of pending entries.
CREATE INDEX IF NOT EXISTS album_covers_colour_cells ON album_covers
  USING gin (colour_cells) WITH (fastupdate = off);
-- `album_stats` and `albums_without_palette` count the albums without a palette in this index.
CREATE INDEX IF NOT EXISTS album_covers_without_palette ON album_covers (id) WHERE palette IS NULL;

-- 005_maintenance.sql describes this column. It is added here, too, because the trigger below compares it.
ALTER TABLE album_covers ADD COLUMN IF NOT EXISTS cover_hash text;

-- Removes the palette of an album whose cover has changed, if the writer has not written another palette. Tools of
-- earlier releases write no palettes.
CREATE OR REPLACE FUNCTION drop_outdated_palette() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  NEW.palette := NULL;
  NEW.palette_version := NULL;
  NEW.colour_cells := NULL;
  NEW.main_colour := NULL;
  RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS album_covers_palette ON album_covers;
CREATE TRIGGER album_covers_palette
  BEFORE UPDATE OF cover_hash ON album_covers
  FOR EACH ROW
  WHEN (NEW.cover_hash IS DISTINCT FROM OLD.cover_hash AND NEW.palette IS NOT DISTINCT FROM OLD.palette)
  EXECUTE FUNCTION drop_outdated_palette();

-- Returns the colour cell of a colour in the form `#rrggbb`, as `cell_of` in common/colours/cells.py.
CREATE OR REPLACE FUNCTION color_cell(color text) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, extensions, pg_temp AS $$
DECLARE
  linear double precision[];
  roots double precision[];
  cube int[];
BEGIN
  IF color !~ '^#[0-9A-Fa-f]{6}$' THEN
    RAISE EXCEPTION 'a color has the form #rrggbb, not %', color USING ERRCODE = '22023';
  END IF;
  SELECT array_agg(CASE WHEN encoded <= 0.04045 THEN encoded / 12.92 ELSE ((encoded + 0.055) / 1.055) ^ 2.4 END
                   ORDER BY position)
  INTO linear
  FROM (SELECT position, get_byte(decode(substr(color, 2), 'hex'), position) / 255::double precision AS encoded
        FROM generate_series(0, 2) position) samples;
  roots := ARRAY[
    cbrt(0.4122214708 * linear[1] + 0.5363325363 * linear[2] + 0.0514459929 * linear[3]),
    cbrt(0.2119034982 * linear[1] + 0.6806995451 * linear[2] + 0.1073969566 * linear[3]),
    cbrt(0.0883024619 * linear[1] + 0.2817188376 * linear[2] + 0.6299787005 * linear[3])
  ];
  cube := ARRAY[
    round((0.2104542553 * roots[1] + 0.7936177850 * roots[2] - 0.0040720468 * roots[3]) / 0.05),
    round((1.9779984951 * roots[1] - 2.4285922050 * roots[2] + 0.4505937099 * roots[3]) * 2 / 0.05),
    round((0.0259040371 * roots[1] + 0.7827717662 * roots[2] - 0.8086757660 * roots[3]) * 2 / 0.05)
  ];
  RETURN (cube[1] * 21 + cube[2] + 9) * 21 + cube[3] + 12;
END
$$;

-- Returns the number of albums that a search with these filters cannot find although their covers may have the
-- colour: the albums without a palette. Returns NULL if there is no filter by colour.
CREATE OR REPLACE FUNCTION albums_without_palette(filters jsonb) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF filters->>'color' IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN (SELECT count(*) FROM album_covers WHERE palette IS NULL);
END
$$;
