"""Recognises the columns of a table by their usual names, or by the fixed names of a preset.

A column whose name only suggests a field is recognised only if its values fit: `rating` becomes the score
only if its scale ends at 10, and `url` becomes the cover only if it has addresses of pictures.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from catalog.ingest.columns.column_values import STARS_MAX, ColumnValues, read_values
from catalog.ingest.columns.fields import (
    COVER,
    DISCOGS_RELEASE,
    FIELDS,
    METADATA_KEYS,
    MUSICBRAINZ_RELEASE,
    MUSICBRAINZ_RELEASE_GROUP,
    RELEASE_IDS,
    SCORE,
)
from catalog.ingest.columns.presets import PRESETS, Correction, Preset, column_key
from catalog.ingest.columns.release_ids import (
    discogs_release_id,
    musicbrainz_release_group_id,
    musicbrainz_release_id,
)
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.columns.usual_names import SAME_MEANING, USUAL_NAMES, Names
from catalog.ingest.tables.table import Table
from common.errors import SettingsError

#: A column is not the score if more than this share of its numbers are outside of 0 to 10, or if no larger
#: share is above STARS_MAX; a smaller share are errors of typing.
_OUTLIERS_SHARE = 0.01
#: The fields and keys for which the values of a column are read.
_READ = frozenset({"id", SCORE, COVER, *RELEASE_IDS})
_WORDS: Mapping[str, str] = {
    "album_name": "the title of the album",
    "release_year": "the year",
    "best_new_music": "the mark for best new music",
    SCORE: "the score",
}
_RELEASE_IDS: Mapping[str, Callable[[object], object]] = {
    MUSICBRAINZ_RELEASE: musicbrainz_release_id,
    MUSICBRAINZ_RELEASE_GROUP: musicbrainz_release_group_id,
    DISCOGS_RELEASE: discogs_release_id,
}
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic|heif|avif|jfif)(?:[?#]\S*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The columns that were recognised, and the reasons why other columns were not."""

    #: Maps fields to columns; an empty column means that the operator wants no column for the field.
    fields: Mapping[str, str]
    #: Maps keys of the metadata to the columns that are stored under these keys.
    metadata_keys: Mapping[str, str]
    #: Maps fields to the columns that are used in rows in which the field's own column is empty.
    alternatives: Mapping[str, Sequence[str]]
    preset: Preset | None
    corrections: Mapping[str, Correction]
    #: Maps text fields to the columns with the beginnings of their values.
    beginnings: Mapping[str, str]
    #: The prefix of each id; empty if the operator mapped the column of ids.
    id_prefix: str
    remarks: tuple[str, ...]
    #: Whether the table has a column with the URLs of covers.
    has_cover_urls: bool

    @property
    def columns_of_releases(self) -> list[str]:
        """The columns with ids of releases."""
        return [self.metadata_keys[key] for key in RELEASE_IDS if key in self.metadata_keys]


def recognise(
    table: Table, given: Mapping[str, str], *, preset: str | None = None, cover_urls: bool
) -> Recognised:
    """Recognise the columns of a table for all fields that `given` does not map.

    With `cover_urls`, a column of covers must contain URLs; otherwise it must contain names of files.

    Raises:
        SettingsError: two columns could be the same field, or `given` maps the owner's ratings to the score.
    """
    chosen = _choose_preset(table, preset)
    _require_score(chosen, given)
    names = USUAL_NAMES
    if chosen is not None:
        names = {name: tuple(frozenset({one}) for one in ranked) for name, ranked in chosen.names.items()}
    return _Recognition(table, given, chosen, names, cover_urls=cover_urls).run()


def _choose_preset(table: Table, name: str | None) -> Preset | None:
    found = next((preset for preset in PRESETS.values() if preset.matches(table)), None)
    if name is None or found is None:
        return found if name is None else PRESETS[name]
    if found.name != name:
        raise SettingsError(f"--preset {name}: the table is a {found.table}; use --preset {found.name}")
    return found


def _require_score(preset: Preset | None, given: Mapping[str, str]) -> None:
    column = given.get(SCORE)
    if preset is not None and column and column_key(column) == preset.never_score:
        raise SettingsError(
            f"--map {SCORE}={column}: in a {preset.table}, this column has the owner's ratings, "
            "and a score is a critic's, from 0 to 10"
        )


class _Recognition:
    """Finds the columns of one table."""

    def __init__(
        self,
        table: Table,
        given: Mapping[str, str],
        preset: Preset | None,
        names: Mapping[str, Sequence[Names]],
        *,
        cover_urls: bool,
    ) -> None:
        self._table = table
        self._names = names
        self._preset = preset
        self._given = given
        self._cover_urls = cover_urls
        exact = {name for name in (*FIELDS, *METADATA_KEYS) if name in table.columns and name not in given}
        self._exact = exact - set(given.values())
        self._taken = {*given.values(), *self._exact}
        self._fields = {name: column for name, column in given.items() if name in FIELDS}
        self._alternatives: dict[str, Sequence[str]] = {}
        self._remarks: list[str] = []

    def run(self) -> Recognised:
        keys = {name: column for name, column in self._given.items() if name not in FIELDS and column}
        keys |= {name: name for name in METADATA_KEYS if name in self._exact}
        for name, ranks in self._names.items():
            if name in self._given or name in self._exact:
                continue
            column = self._find(name, ranks)
            if column is not None and name in FIELDS:
                self._alternatives[name] = self._find_alternatives(name, ranks, column)
                self._fields[name] = column
                self._taken.add(column)
            elif column is not None:
                keys[name] = column
        return self._recognised(keys)

    def _recognised(self, keys: Mapping[str, str]) -> Recognised:
        remarks, preset, fields = tuple(self._remarks), self._preset, self._fields
        if not fields.get("id") and "id" not in self._exact:
            remarks += ("there is no column of ids, so each id is made from the artist and the title",)
        is_found = preset is not None and "id" in fields and "id" not in self._given
        return Recognised(
            fields=fields,
            metadata_keys=keys,
            alternatives={name: columns for name, columns in self._alternatives.items() if columns},
            preset=preset,
            corrections={} if preset is None else preset.corrections,
            beginnings={} if preset is None else self._beginnings(preset),
            id_prefix=preset.id_prefix if preset is not None and is_found else "",
            remarks=remarks,
            has_cover_urls=self._has_urls(),
        )

    def _beginnings(self, preset: Preset) -> dict[str, str]:
        columns = {column_key(column): column for column in self._table.columns}
        return {
            name: columns[key]
            for name, key in preset.beginnings.items()
            if name not in self._given and key in columns
        }

    def _has_urls(self) -> bool:
        found = {name: name for name in self._exact} | self._fields
        columns = [found[name] for name in (COVER, "cover_url") if found.get(name)]
        return any(
            _URL.fullmatch(str(cell).strip()) for column in columns for cell in self._values[column].sample
        )

    def _find(self, name: str, ranks: Sequence[Names]) -> str | None:
        """Return the column of a field or key, or None if no column fits."""
        for rank in ranks:
            found = [
                column
                for column in self._table.columns
                if column_key(column) in rank and self._is_free(name, column) and self._fits(name, column)
            ]
            if len(found) > 1:
                raise SettingsError(_ambiguous(name, found))
            if found:
                return found[0]
        return None

    def _find_alternatives(self, name: str, ranks: Sequence[Names], column: str) -> Sequence[str]:
        """Return the columns with the same meaning as a field's column, without ambiguous ones."""
        if self._preset is not None:
            return ()
        found = [
            [
                other
                for other in self._table.columns
                if column_key(other) in rank and self._is_free(name, other)
            ]
            for rank in ranks[: SAME_MEANING.get(name, 0)]
        ]
        single = [columns[0] for columns in found if len(columns) == 1]
        return [other for other in single if other != column] if column in single else ()

    def _is_free(self, name: str, column: str) -> bool:
        # The id of a release may also be the id of the album.
        return column not in self._taken or (name in _RELEASE_IDS and column == self._fields.get("id"))

    def _fits(self, name: str, column: str) -> bool:
        if name == COVER:
            return self._has_covers(column)
        if name in _RELEASE_IDS:
            return any(_RELEASE_IDS[name](cell) for cell in self._values[column].sample)
        if self._preset is not None:
            return True
        check = {"id": self._fault_of_ids, SCORE: self._fault_of_scores}.get(name)
        fault = None if check is None else check(column)
        if fault:
            self._remarks.append(
                f"{printable(column)} is stored as metadata, and is not {_words(name)}: {fault}"
            )
        return not fault

    def _has_covers(self, column: str) -> bool:
        """Return whether a column has URLs of covers or, without `cover_urls`, names of files."""
        cells = [str(cell).strip() for cell in self._values[column].sample]
        if not self._cover_urls:
            return bool(cells) and all(_PICTURE.search(cell) and not _URL.match(cell) for cell in cells)
        urls = [cell for cell in cells if _URL.fullmatch(cell)]
        if column_key(column) in {"url", "link"}:
            # In many data sets, a column with this name has the addresses of reviews.
            urls = [url for url in urls if _PICTURE.search(url)]
        return 2 * len(urls) > len(cells)

    def _fault_of_ids(self, column: str) -> str | None:
        return "some of its cells are empty" if self._values[column].empty else None

    def _fault_of_scores(self, column: str) -> str | None:
        values = self._values[column]
        if not values.scores:
            return "none of its values is a number"
        if values.outliers > _OUTLIERS_SHARE * values.scores:
            return "it has values outside of 0 to 10"
        if values.above_stars <= _OUTLIERS_SHARE * values.scores:
            return f"almost none of its values is above {STARS_MAX}, so its scale is not 0 to 10"
        return None

    @cached_property
    def _values(self) -> Mapping[str, ColumnValues]:
        """The values of the columns for `_READ`, which are read in one pass because a table may be large."""
        names = {name: frozenset().union(*self._names.get(name, ())) for name in _READ}
        columns = {
            column
            for column in self._table.columns
            if any(column_key(column) in keys for keys in names.values())
        }
        columns |= {self._given.get(name) or name for name in (COVER, "cover_url")}
        scores = {column for column in columns if column_key(column) in names[SCORE]}
        return read_values(self._table, columns & {*self._table.columns}, scores=scores)


def _ambiguous(name: str, columns: Sequence[str]) -> str:
    none = "" if name in {"artist", "album_name"} else f"; --map {name}= uses none of them"
    named = " and ".join(map(printable, columns))
    return (
        f"the columns {named} could each be {_words(name)}: choose one, such as "
        f"--map {name}={printable(columns[0])}{none}"
    )


def _words(name: str) -> str:
    return _WORDS.get(name, f"the {name.replace('_', ' ')}")
