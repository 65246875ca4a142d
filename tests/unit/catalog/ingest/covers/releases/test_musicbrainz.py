"""MusicBrainz is asked for the releases that are linked to releases of Discogs."""

from collections.abc import Iterator

import pytest

from catalog.ingest.covers.fetch.fetcher import CoverFetcher, CoverUnreachable
from catalog.ingest.covers.releases.musicbrainz import LOOKUP_MAX, MusicBrainz
from tests.release_services import ReleaseServices, mbid_of, refuse, release_services


@pytest.fixture
def services() -> Iterator[ReleaseServices]:
    with release_services() as server:
        server.releases = {n: [mbid_of(n)] for n in range(1, LOOKUP_MAX, 2)}
        yield server


@pytest.fixture
def musicbrainz(services: ReleaseServices) -> MusicBrainz:
    fetcher = CoverFetcher(
        max_bytes=1 << 20, allow_private=True, per_host=1.0, total_timeout_s=5.0, pictures_only=False
    )
    return MusicBrainz(fetcher, services.url + "/")


def test_a_hundred_releases_are_looked_up_in_one_request(
    musicbrainz: MusicBrainz, services: ReleaseServices
) -> None:
    services.releases[2] = [mbid_of("b"), mbid_of("a")]
    services.ended = {1}
    numbers = range(1, LOOKUP_MAX + 1)

    found = musicbrainz.releases_of(numbers)

    assert len(services.asked_musicbrainz) == 1
    assert list(found) == list(numbers)
    assert found[1] == ()
    assert found[2] == tuple(sorted([mbid_of("a"), mbid_of("b")]))
    assert [number for number, ids in found.items() if ids] == [2, *range(3, LOOKUP_MAX, 2)]


@pytest.mark.parametrize(("number", "ids"), [(3, (mbid_of(3),)), (4, ())])
def test_a_single_release_is_looked_up(musicbrainz: MusicBrainz, number: int, ids: tuple[str, ...]) -> None:
    assert musicbrainz.releases_of([number]) == {number: ids}


def test_a_missing_web_service_means_nothing_about_several_releases(
    musicbrainz: MusicBrainz, services: ReleaseServices
) -> None:
    services.musicbrainz_faults = [refuse(404)]

    with pytest.raises(CoverUnreachable, match="was answered with 404"):
        musicbrainz.releases_of([3, 5])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Maintenance</html>",
        b"",
        b"[]",
        b'{"urls": 7}',
        b'{"error": "no"}',
        b'{"urls": [{"relations": []}]}',
        b'{"urls": [], "url-count": 1}',
    ],
)
def test_another_answer_means_nothing_about_a_release(
    musicbrainz: MusicBrainz, services: ReleaseServices, body: bytes
) -> None:
    services.musicbrainz_faults = [lambda handler: handler.reply(200, body)]

    with pytest.raises(CoverUnreachable, match="MusicBrainz answered with "):
        musicbrainz.releases_of([3, 5])
