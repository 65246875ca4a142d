"""The fields of an album that a table can contain, and the validation of their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, computed_field
from pydantic_core import PydanticCustomError

from catalog.ingest.columns.cell_values import Flag, Score, Year
from catalog.ingest.columns.genres import GENRES_MAX
from catalog.ingest.rejection import Note
from common.genres import GENRE_MAX_CHARS
from common.search_query import ALBUM_ID_MAX_CHARS

#: The field for the file name or the URL of an album's cover.
COVER = "cover"
METADATA = "metadata"
GENRE = "genre"
SCORE = "pitchfork_score"
LABEL = "label"
CATALOG_NUMBER = "catalog_number"
#: The keys of an album's metadata for the ids by which the Cover Art Archive can be asked for a cover.
MUSICBRAINZ_RELEASE = "musicbrainz_album_id"
MUSICBRAINZ_RELEASE_GROUP = "musicbrainz_release_group_id"
DISCOGS_RELEASE = "discogs_release_id"


def _requestable(album_id: str) -> str:
    """Return the id; raise an error if no client could put the id into a URL."""
    if album_id in {".", ".."}:
        # Clients resolve the path segments `.` and `..`, even if they are written as %2E, before they send a
        # request (RFC 3986, 6.2.2.3).
        raise PydanticCustomError(
            "not_askable", "clients remove this id from a URL, so no request could name the album"
        )
    return album_id


_Id = Annotated[str, Field(min_length=1, max_length=ALBUM_ID_MAX_CHARS), AfterValidator(_requestable)]
_Name = Annotated[str, Field(min_length=1)]
_Genre = Annotated[str, Field(min_length=1, max_length=GENRE_MAX_CHARS)]


class AlbumFields(BaseModel):
    """The fields of an album except its cover and its metadata."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    id: _Id
    artist: _Name
    album_name: _Name
    #: All genres of the album, which a table contains in one column.
    genres: Annotated[
        tuple[_Genre, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(validation_alias=GENRE, max_length=GENRES_MAX),
    ] = ()
    release_year: Year | None = None
    pitchfork_score: Score | None = None
    best_new_music: Flag = False
    cover_url: str | None = None
    reviewer: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def genre(self) -> str | None:
        """The album's first genre, or None if it has no genre."""
        return next(iter(self.genres), None)


REQUIRED_FIELDS = tuple(name for name, field in AlbumFields.model_fields.items() if field.is_required())
#: The names of all fields, which are also their default column names.
FIELDS = (*(GENRE if name == "genres" else name for name in AlbumFields.model_fields), COVER, METADATA)
RELEASE_IDS = (MUSICBRAINZ_RELEASE, MUSICBRAINZ_RELEASE_GROUP, DISCOGS_RELEASE)
#: The keys of the metadata under which a column is stored, whatever name the table gives to the column.
METADATA_KEYS = (LABEL, CATALOG_NUMBER, *RELEASE_IDS)


@dataclass(frozen=True, slots=True)
class Album:
    """One valid row of a table, whose cover has not been read yet."""

    row: int
    fields: AlbumFields
    #: The file name or URL of the cover, or None if the cell is empty.
    cover: str | None
    metadata: Mapping[str, object]
    #: One note for each invalid cell, whose field was left empty.
    notes: tuple[Note, ...] = ()
