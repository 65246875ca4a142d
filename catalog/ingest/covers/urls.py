"""Covers that are fetched by the URLs of a column."""

from dataclasses import dataclass

from catalog.ingest.covers.protocol import FoundCover
from catalog.ingest.fetching import CoverFetcher
from catalog.ingest.rejection import RowFault


@dataclass(frozen=True, slots=True)
class CoverUrls:
    """URLs that the table gives."""

    fetcher: CoverFetcher

    def find(self, album_id: str, named: str | None) -> FoundCover:
        if named is None:
            raise RowFault("missing_cover", f"the album {album_id:.100} has no cover URL")
        return FoundCover(named)

    def read(self, source: str) -> bytes:
        return self.fetcher.fetch(source)
