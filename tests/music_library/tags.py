"""The tags and pictures of one track of the test library, before they are written in a file's format."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

#: The media type that ID3 and FLAC use for a picture whose data is a URL.
LINK = "-->"


class PictureType(IntEnum):
    """Types of embedded pictures, which ID3 and FLAC share."""

    OTHER = 0
    ICON = 1
    FRONT = 3
    BACK = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded picture; the data of a picture of the media type `LINK` is a URL."""

    data: bytes
    type: PictureType = PictureType.FRONT
    media_type: str = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one track; an empty value is not written."""

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track: int = 0
    disc: int = 0
    date: str = ""
    original_date: str = ""
    genres: tuple[str, ...] = ()
    label: str = ""
    catalog_number: str = ""
    release_id: str = ""
    is_compilation: bool = False
    pictures: tuple[Picture, ...] = ()

    def custom(self) -> Iterator[tuple[str, str]]:
        """Yield the tags that ID3, MP4 and WMA store under a name that MusicBrainz Picard chose."""
        if self.release_id:
            yield "MusicBrainz Album Id", self.release_id
        if self.catalog_number:
            yield "CATALOGNUMBER", self.catalog_number
