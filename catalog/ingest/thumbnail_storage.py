"""Decides which covers get thumbnails, and stores thumbnails in the folder and the catalog.

Covers at other hosts get no thumbnails unless the operator allows it: a thumbnail is a copy that this service
publishes, which needs the permission of the picture's owner and may be against the terms of the host.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from catalog.ingest.covers.existing_album_covers import location_of
from catalog.thumbnail_folder import ThumbnailFolder
from catalog.writer.protocol import AlbumThumbnails, CatalogWriter, CoverOfAlbum
from common.settings import Settings

#: The number of threads that write files; a disk synchronises several files in the time of one.
_FILE_WRITERS = 8


@dataclass(slots=True)
class _Counts:
    made: int = 0
    remote: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ThumbnailStorage:
    """The folder of thumbnails, the rule for covers at other hosts, and counts of an ingest's covers."""

    folder: ThumbnailFolder
    public_url: str | None
    allows_remote: bool
    _counts: _Counts = field(default_factory=_Counts)

    def allows(self, cover_source: str, *, final_url: str | None = None) -> bool:
        """Return whether thumbnails of this cover, a URL or the name of a file, may be made.

        `final_url` is the URL that sent the cover, after all redirects.
        """
        locations = (cover_source, final_url or "")
        return self.allows_remote or not any(_is_remote(one, self.public_url) for one in locations)

    def disallowed(self, albums: Iterable[AlbumThumbnails]) -> list[CoverOfAlbum]:
        """Return the covers whose stored thumbnails may not be made with the present settings.

        Thumbnails of a cover that is also the cover of an album in the folder of covers are allowed.
        """
        allowed: set[str | None] = set()
        found: list[CoverOfAlbum] = []
        for album in albums:
            if album.thumbnails is None:
                continue
            if self.allows(location_of(album.cover)):
                allowed.add(album.cover.cover_hash)
            else:
                found.append(album.cover)
        return [cover for cover in found if cover.cover_hash is None or cover.cover_hash not in allowed]

    def count(self, *, wanted: bool, made: bool) -> None:
        """Count an embedded cover: its thumbnails were made, were not wanted, or could not be made."""
        self._counts.made += made
        self._counts.remote += not wanted
        self._counts.failed += wanted and not made

    def findings(self) -> Iterator[str]:
        """Yield sentences for the operator: how many covers got thumbnails, and how many did not and why."""
        counts = self._counts
        if counts.made:
            yield f"{counts.made} covers got thumbnails in {self.folder.path}"
        if counts.remote:
            yield (
                f"{counts.remote} covers come from other hosts and got no thumbnails; if you may publish "
                "copies of them, set THUMBNAIL_REMOTE_COVERS=allow and run python -m catalog thumbnails"
            )
        if counts.failed:
            yield (
                f"{counts.failed} covers got no thumbnails: python -m catalog thumbnails makes them, or says "
                "why it cannot"
            )

    def put(self, writer: CatalogWriter, made_of: Sequence[tuple[CoverOfAlbum, Sequence[bytes]]]) -> None:
        """Write the files of each cover, the smallest first, and then their names to the catalog.

        Covers without files are ignored.

        Raises:
            OSError: a file cannot be written.
        """
        pictured = [(cover, files) for cover, files in made_of if files]
        if not pictured:
            return
        with ThreadPoolExecutor(_FILE_WRITERS) as threads:
            stored = list(threads.map(self.folder.store, [files for _, files in pictured]))
        covers = [cover for cover, _ in pictured]
        writer.put_thumbnails(list(zip(covers, stored, strict=True)))


def open_thumbnail_storage(settings: Settings, *, writes: bool = True) -> ThumbnailStorage | None:
    """Return the storage in THUMBNAIL_DIR, or None if the setting is not set.

    Raises:
        SettingsError: `writes` is True, and no file can be written to the folder.
    """
    if settings.thumbnail_dir is None:
        return None
    folder = ThumbnailFolder(settings.thumbnail_dir)
    if writes:
        folder.require_writable()
    allows_remote = settings.thumbnail_remote_covers == "allow"
    return ThumbnailStorage(folder, settings.public_url, allows_remote)


def _is_remote(cover_source: str, public_url: str | None) -> bool:
    """Return whether a cover is at another host than this service, which serves files at `public_url`."""
    is_own = public_url is not None and cover_source.startswith(f"{public_url}/")
    return "://" in cover_source and not is_own
