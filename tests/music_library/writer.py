"""The folder of the test library and its manifest, and the tags and the cover of a demo album."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from catalog.demo.albums import DemoAlbum
from catalog.demo.drawing.cover import cover_jpeg
from tests.music_library.manifest import Manifest, ManifestAlbum
from tests.music_library.tags import Picture, Tags

COVER_PX = 96


@dataclass(slots=True)
class LibraryWriter:
    """Writes albums to a folder and records them in a manifest."""

    root: Path
    manifest: Manifest = field(default_factory=Manifest)

    def folder(self, *parts: str | bytes) -> Path:
        """Create a folder of the library."""
        folder = self.root
        for part in parts:
            folder /= part if isinstance(part, str) else part.decode("utf-8", "surrogateescape")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def expect(
        self,
        album: DemoAlbum,
        *,
        tracks: int,
        cover: bytes | None,
        metadata: dict[str, object] | None = None,
        **changes: object,
    ) -> None:
        """Record an album in the manifest; `changes` are values that differ from the demo album's."""
        fields: dict[str, object] = {
            "artist": album.artist,
            "album_name": album.album_name,
            "genres": album.genres,
            "release_year": album.release_year,
        }
        self.manifest.albums.append(
            ManifestAlbum(
                **(fields | changes),  # type: ignore[arg-type]
                tracks=tracks,
                cover_hash=None if cover is None else hashlib.sha256(cover).hexdigest(),
                metadata=metadata or {},
            )
        )


def cover_of(album: DemoAlbum, *, size_px: int = COVER_PX) -> bytes:
    """Draw an album's cover."""
    return cover_jpeg(album, size_px=size_px)


def tags_of(album: DemoAlbum, track: int = 1, *, cover: bytes | None = None) -> Tags:
    """Return the tags of one track, with an embedded front cover if `cover` is given."""
    return Tags(
        title=f"Track {track}",
        artist=album.artist,
        album=album.album_name,
        album_artist=album.artist,
        track=track,
        date=str(album.release_year or ""),
        genres=album.genres,
        pictures=() if cover is None else (Picture(cover),),
    )
