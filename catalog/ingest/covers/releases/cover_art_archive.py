"""Fetches covers from the Cover Art Archive by the ids of releases, and covers with URLs of their own.

The archive answers a request for a cover with a redirect to a server of the Internet Archive, or with 404 if
the release has no front cover (https://musicbrainz.org/doc/Cover_Art_Archive/API).
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TypeVar

from catalog.ingest.covers.fetch.fetcher import NotFound
from catalog.ingest.covers.protocol import AlbumToLoad, CoverContent, CoverLocation, FailedCover
from catalog.ingest.covers.releases.locations import (
    archive_paths,
    discogs_release,
    is_release_location,
)
from catalog.ingest.covers.releases.musicbrainz import LOOKUP_MAX, MusicBrainz
from catalog.ingest.covers.releases.remembered_answers import RememberedAnswers
from catalog.ingest.covers.urls import CoverUrls
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import Origin

R = TypeVar("R")

#: The picture of 500 pixels is fetched, because an original may have tens of megabytes, and the model reads
#: 224 pixels.
_FRONT = "front-500"


class ReleaseCovers:
    """Fetches the cover of an album that has a URL or an id of a release; thread-safe."""

    readers = CoverUrls.readers

    def __init__(
        self, urls: CoverUrls, musicbrainz: MusicBrainz, answers: RememberedAnswers, *, archive_url: str
    ) -> None:
        self._urls = urls
        self._musicbrainz = musicbrainz
        self._answers = answers
        self._archive = f"{archive_url.rstrip('/')}/"
        #: Maps the first URL of an album's cover to the URLs that are tried if the archive has no such cover.
        self._others: dict[str, tuple[str, ...]] = {}
        #: Maps Discogs releases to the reason why MusicBrainz could not be asked.
        self._faults: dict[int, RowFault] = {}

    def find(self, album_id: str, named: str | None, failed: Sequence[FailedCover] = ()) -> CoverLocation:
        if failed:
            raise failed[0].fault
        if named is None:
            raise RowFault(
                "missing_cover", f"the album {album_id:.100} has no cover URL and no id of a release"
            )
        # `stage` replaces a location by a URL unless no MusicBrainz release is known for the Discogs release.
        release = discogs_release(named) if is_release_location(named) else None
        if release is not None:
            fault = self._faults.get(release)
            if fault is not None:
                raise RowFault(fault.reason, fault.detail)
            raise RowFault(
                "unknown_release", f"MusicBrainz knows no release for the Discogs release {release}"
            )
        return CoverLocation(named)

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        return self._urls.stage(executor, load, self._located(to_load))

    def read(self, source: str) -> bytes:
        return self._urls.read(source)

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        if not source.startswith(self._archive):
            return self._urls.read_changed(source, origin)
        addresses = (source, *self._others.get(source, ()))
        for address in addresses:
            if self._answers.is_missing(address):
                continue
            try:
                return replace(self._urls.read_changed(address, origin), source=address)
            except NotFound:
                self._answers.add_missing(address)
        raise RowFault(
            "missing_cover", f"the Cover Art Archive has no front cover at {' or '.join(addresses):.300}"
        )

    def close(self) -> None:
        self._musicbrainz.close()
        self._urls.close()

    def _located(self, to_load: Iterable[AlbumToLoad | Rejected]) -> Iterator[AlbumToLoad | Rejected]:
        """Yield each album with the URL of its cover instead of the ids of its release."""
        for batch in batches(to_load, LOOKUP_MAX):
            if isinstance(batch, Rejected):
                yield batch
                continue
            releases = self._releases_of(batch)
            for one in batch:
                yield self._with_address(one, releases)

    def _releases_of(self, batch: Iterable[AlbumToLoad]) -> dict[int, tuple[str, ...]]:
        """Return the MusicBrainz ids of the Discogs releases of albums without a MusicBrainz id."""
        locations = [one.album.cover for one in batch if is_release_location(one.album.cover)]
        wanted = {discogs_release(location) for location in locations if not archive_paths(location)} - {None}
        numbers = sorted(number for number in wanted if number is not None)
        known = self._answers.releases(numbers)
        unknown = [number for number in numbers if number not in known]
        if unknown:
            try:
                found = self._musicbrainz.releases_of(unknown)
            except RowFault as fault:
                # A failure is not remembered, so the next run asks again.
                self._faults |= dict.fromkeys(unknown, fault)
            else:
                self._answers.add_releases(found)
                known |= found
        return known

    def _with_address(self, one: AlbumToLoad, releases: dict[int, tuple[str, ...]]) -> AlbumToLoad:
        location = one.album.cover
        if not is_release_location(location):
            return one
        number = discogs_release(location)
        found = releases.get(number, ()) if number is not None else ()
        paths = archive_paths(location) or [f"release/{release}" for release in found]
        if not paths:
            return one
        first, *others = (f"{self._archive}{path}/{_FRONT}" for path in paths)
        if others:
            self._others[first] = tuple(others)
        return replace(one, album=replace(one.album, cover=first))
