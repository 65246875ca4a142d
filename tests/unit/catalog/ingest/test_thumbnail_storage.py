"""The rule for covers at other hosts."""

from pathlib import Path

import pytest

from catalog.ingest.thumbnail_storage import open_thumbnail_storage
from common.settings import load_settings

PUBLIC_URL = "https://example.org/music"


@pytest.mark.parametrize(
    ("cover_source", "is_allowed"),
    [
        ("one.jpg", True),
        ("more covers/one.jpg", True),
        ("/covers/one.jpg", True),
        ("", True),
        (f"{PUBLIC_URL}/covers/one.jpg", True),
        ("https://example.org/covers/one.jpg", False),
        ("https://example.org/musicians/one.jpg", False),
        ("https://example.org.example.net/music/one.jpg", False),
        ("http://example.org/music/one.jpg", False),
        ("https://covers.example.net/one.jpg", False),
    ],
)
def test_only_files_and_covers_at_the_services_own_address_get_thumbnails_by_default(
    tmp_path: Path, cover_source: str, is_allowed: bool
) -> None:
    environ = {"THUMBNAIL_DIR": str(tmp_path), "PUBLIC_URL": PUBLIC_URL}

    never = open_thumbnail_storage(load_settings(environ))
    allowed = open_thumbnail_storage(load_settings({**environ, "THUMBNAIL_REMOTE_COVERS": "allow"}))

    assert never is not None
    assert allowed is not None
    assert never.allows(cover_source) is is_allowed
    assert allowed.allows(cover_source)


def test_without_a_public_url_every_url_is_at_another_host(tmp_path: Path) -> None:
    storage = open_thumbnail_storage(load_settings({"THUMBNAIL_DIR": str(tmp_path)}))

    assert storage is not None
    assert not storage.allows("https://example.org/one.jpg")


def test_without_a_folder_there_is_no_storage() -> None:
    assert open_thumbnail_storage(load_settings({})) is None


def test_a_folder_that_is_only_read_is_not_created(tmp_path: Path) -> None:
    folder = tmp_path / "thumbnails"

    assert open_thumbnail_storage(load_settings({"THUMBNAIL_DIR": str(folder)}), writes=False) is not None

    assert not folder.exists()
