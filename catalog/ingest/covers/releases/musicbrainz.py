"""Asks MusicBrainz which of its releases are linked to releases of Discogs.

MusicBrainz stores the addresses of Discogs' pages as relations of its releases. One request looks up at most
100 addresses (https://musicbrainz.org/doc/MusicBrainz_API, url by text).
"""

from collections.abc import Sequence

import orjson
from pydantic import BaseModel, Field, ValidationError

from catalog.ingest.columns.release_ids import discogs_release_id, musicbrainz_release_id
from catalog.ingest.covers.fetch.fetcher import CoverFetcher, CoverUnreachable, NotFound

#: The maximum number of addresses in one request.
LOOKUP_MAX = 100
#: MusicBrainz allows one request per second (https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting).
REQUESTS_PER_S = 1.0
#: The maximum number of bytes of an answer; an answer has about 1 KB for each address.
ANSWER_MAX_BYTES = 8 << 20
_PAGE = "https://www.discogs.com/release/"


class _Release(BaseModel):
    id: str


class _Relation(BaseModel):
    target_type: str = Field(alias="target-type", default="")
    ended: bool = False
    release: _Release | None = None


class _Address(BaseModel):
    resource: str
    relations: list[_Relation] = []


class _Addresses(BaseModel):
    urls: list[_Address]
    #: The number of addresses that MusicBrainz knows, which is larger than `urls` if the answer is one page.
    count: int = Field(alias="url-count", default=0)


class MusicBrainz:
    """A client of MusicBrainz's web service; thread-safe."""

    def __init__(self, fetcher: CoverFetcher, url: str) -> None:
        """Use a fetcher that accepts JSON and sends at most REQUESTS_PER_S requests."""
        self._fetcher = fetcher
        self._url = url.rstrip("/")

    def releases_of(self, discogs_releases: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the MusicBrainz ids of each Discogs release; a release without a link has no ids.

        Raises:
            RowFault: MusicBrainz does not answer, or refuses the request.
        """
        addresses = "".join(f"&resource={_PAGE}{number}" for number in discogs_releases)
        try:
            answer = self._fetcher.fetch(f"{self._url}/ws/2/url?fmt=json&inc=release-rels{addresses}").content
        except NotFound as error:
            # An unknown address in a request with several addresses is left out of the answer instead, so
            # this 404 means that MUSICBRAINZ_URL is wrong, and nothing about the releases.
            if len(discogs_releases) > 1:
                raise CoverUnreachable(error.detail) from None
            answer = b'{"urls": []}'
        found = _read(answer)
        return {number: found.get(number, ()) for number in discogs_releases}

    def close(self) -> None:
        """End all waits immediately."""
        self._fetcher.close()


def _read(answer: bytes) -> dict[int, tuple[str, ...]]:
    """Return the MusicBrainz ids of each Discogs release in an answer."""
    try:
        document = orjson.loads(answer)
        # The answer to a request with one address is not a list.
        is_list = isinstance(document, dict) and "urls" in document
        answered = _Addresses.model_validate(document if is_list else {"urls": [document]})
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise CoverUnreachable(f"MusicBrainz answered with something else: {error!s:.100}") from None
    if answered.count > len(answered.urls):
        raise CoverUnreachable(
            f"MusicBrainz answered with {len(answered.urls)} of {answered.count} known addresses"
        )
    found: dict[int, tuple[str, ...]] = {}
    for address in answered.urls:
        number = discogs_release_id(address.resource)
        if number is not None:
            found[number] = tuple(sorted(_releases(address)))
    return found


def _releases(address: _Address) -> set[str]:
    ids = (
        musicbrainz_release_id(one.release.id) for one in address.relations if one.release and not one.ended
    )
    return {release for release in ids if release}
