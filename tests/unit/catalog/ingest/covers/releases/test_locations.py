"""The location of a cover lists the ids of its release, MusicBrainz's first."""

import pytest

from catalog.ingest.covers.releases.locations import (
    archive_paths,
    discogs_release,
    is_release_location,
    release_location,
)
from tests.release_services import mbid_of

RELEASE, GROUP = mbid_of("release"), mbid_of("group")


def test_all_ids_of_the_metadata_are_listed() -> None:
    location = release_location(
        {
            "discogs_release_id": "https://www.discogs.com/release/7-A-B",
            "musicbrainz_release_group_id": GROUP,
            "musicbrainz_album_id": RELEASE.upper(),
        }
    )

    assert location is not None
    assert is_release_location(location)
    assert archive_paths(location) == [f"release/{RELEASE}", f"release-group/{GROUP}"]
    assert discogs_release(location) == 7


@pytest.mark.parametrize("metadata", [{}, {"musicbrainz_album_id": "n/a"}, {"discogs_release_id": 0}])
def test_metadata_without_ids_has_no_location(metadata: dict[str, object]) -> None:
    assert release_location(metadata) is None


@pytest.mark.parametrize("cover", [None, "a.jpg", "https://example.org/release/1", ""])
def test_files_and_urls_are_no_locations_of_releases(cover: str | None) -> None:
    assert not is_release_location(cover)
