"""What an ingest of the test library must find: its albums with their covers, and its unreadable files."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ManifestAlbum:
    """One album of the test library."""

    artist: str
    album_name: str
    genres: tuple[str, ...]
    release_year: int | None
    #: The number of tracks, of which a copy in another format does not count.
    tracks: int
    #: The SHA-256 of the cover, in hex; None if the album has no usable cover.
    cover_hash: str | None
    #: The metadata other than the number of tracks.
    metadata: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Manifest:
    """The albums of the test library, and the paths of its unreadable files relative to the library."""

    albums: list[ManifestAlbum] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
