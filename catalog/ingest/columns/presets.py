"""Presets: fixed mappings for the columns of well-known tables, with corrections of their values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

from catalog.ingest.columns.cell_values import is_empty
from catalog.ingest.columns.fields import CATALOG_NUMBER, COVER, DISCOGS_RELEASE, GENRE, LABEL, SCORE
from catalog.ingest.columns.release_ids import discogs_release_id
from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.table import Table

#: The number that Discogs adds to artists and labels of the same name, such as `Nirvana (2)`.
_DISCOGS_NUMBER = re.compile(r" \(\d{1,4}\)(?=\*?(?:[ ,;/)]|$))")
#: The asterisk that Discogs adds to a name that is spelled as on the record, such as `Beatles*`.
_DISCOGS_ASTERISK = re.compile(r"(?<=[^\s*])\*(?=[ ,;/]|$)")
#: The article after a name, such as `Beatles, The`, which older exports have.
_DISCOGS_ARTICLE = re.compile(r"(?:^|(?<=, ))([^,]+), The(?=, |$)")
#: The number of rows that decide whether a table with an export's columns is an export.
_SAMPLE_ROWS = 20

Correction = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Preset:
    """The fixed mapping of one kind of table; names of columns are compared by `column_key`."""

    name: str
    #: The description of this kind of table in messages.
    table: str
    #: Sets of column names; a table that has all names of one of the sets is of this kind.
    marks: tuple[frozenset[str], ...]
    #: A column whose values show that a table is of another kind, and the check of one value.
    checked: tuple[str, Callable[[object], object]] | None
    #: For each field and each key of the metadata, the names of its column, the preferred name first.
    names: Mapping[str, tuple[str, ...]]
    #: Corrects the values of a field, or of a key of the metadata, before they are validated.
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    #: For each text field that is split into two columns, the name of the column with its beginning.
    beginnings: Mapping[str, str] = field(default_factory=dict)
    #: The prefix of each id, which keeps the ids of different kinds of tables apart.
    id_prefix: str = ""
    #: The name of a column that must not become the score, because it contains the owner's ratings.
    never_score: str | None = None

    def matches(self, table: Table) -> bool:
        """Return whether the columns and the first rows of a table show that it is of this kind."""
        keys = {column_key(column): column for column in table.columns}
        if not any(marks <= keys.keys() for marks in self.marks):
            return False
        if self.checked is None:
            return True
        (name, check), rows = self.checked, islice(table.rows(), _SAMPLE_ROWS)
        cells = [row.cells.get(keys[name]) for row in rows if not isinstance(row.cells, RowFault)]
        present = [cell for cell in cells if not is_empty(cell)]
        return not present or any(map(check, present))


def column_key(name: str) -> str:
    """Return a column's name without case, blanks and punctuation: `Release Date` is `releasedate`."""
    return "".join(filter(str.isalnum, name.casefold()))


def _without_discogs_marks(value: object) -> object:
    """Return the names of artists or labels without the numbers and asterisks of Discogs."""
    if not isinstance(value, str):
        return value
    return _DISCOGS_ASTERISK.sub("", _DISCOGS_NUMBER.sub("", value))


def _artist(value: object) -> object:
    """Return the names of artists without Discogs's additions, and with the article at the front."""
    value = _without_discogs_marks(value)
    return _DISCOGS_ARTICLE.sub(r"The \1", value) if isinstance(value, str) else value


def _without_unknown_year(value: object) -> object:
    """Return None for the year 0, which Discogs writes for an unknown year, and pandas as 0.0."""
    return None if str(value).strip() in {"0", "0.0"} else value


def _release_number(value: object) -> object:
    """Return the number of a release as text, without the `.0` that pandas adds to numbers."""
    number = discogs_release_id(value)
    return value if number is None else str(number)


PITCHFORK = Preset(
    name="pitchfork",
    table="table of Pitchfork's reviews",
    marks=(frozenset({"reviewid", "artist", "title", "score", "bestnewmusic"}),),
    checked=None,
    names={
        "id": ("reviewid", "id"),
        "artist": ("artist", "artists"),
        "album_name": ("title", "album", "albumname"),
        GENRE: ("genre", "genres"),
        "release_year": ("yearreleased", "releaseyear", "year", "pubyear", "pubdate", "reviewdate", "date"),
        SCORE: ("score", "rating"),
        "best_new_music": ("bestnewmusic", "isbestnewmusic", "bnm", "best"),
        "reviewer": ("author", "reviewer", "authors"),
        COVER: ("albumarturl", "albumart", "coverurl", "cover", "imageurl", "image"),
        LABEL: ("label", "labels"),
    },
)
DISCOGS = Preset(
    name="discogs",
    table="Discogs export",
    # A collection and a wantlist have the column `Catalog#`, and an inventory the column `listing_id`.
    marks=(
        frozenset({"catalog", "artist", "title", "releaseid"}),
        frozenset({"listingid", "artist", "title", "releaseid"}),
    ),
    # The column of another table may have the ids of MusicBrainz.
    checked=("releaseid", lambda cell: str(cell).strip() == "0" or discogs_release_id(cell)),
    names={
        "id": ("releaseid",),
        "artist": ("artist",),
        "album_name": ("title",),
        "release_year": ("released",),
        LABEL: ("label",),
        CATALOG_NUMBER: ("catalog", "catno"),
        "format": ("format",),
        "discogs_rating": ("rating",),
        DISCOGS_RELEASE: ("releaseid",),
    },
    corrections={
        "id": _release_number,
        "artist": _artist,
        LABEL: _without_discogs_marks,
        "release_year": _without_unknown_year,
    },
    id_prefix="discogs-",
    never_score="rating",
)
RATE_YOUR_MUSIC = Preset(
    name="rateyourmusic",
    table="Rate Your Music export",
    marks=(frozenset({"rymalbum", "firstname", "lastname", "title"}),),
    checked=None,
    names={
        "id": ("rymalbum",),
        # The name of a band, and the last name of a person.
        "artist": ("lastname",),
        "album_name": ("title",),
        "release_year": ("releasedate",),
        "rateyourmusic_rating": ("rating",),
    },
    corrections={"release_year": _without_unknown_year},
    beginnings={"artist": "firstname"},
    id_prefix="rym-",
    never_score="rating",
)
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (PITCHFORK, DISCOGS, RATE_YOUR_MUSIC)}
)
