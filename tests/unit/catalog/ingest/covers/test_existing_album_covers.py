"""The cover of an album is found by the album's columns in the catalog."""

from pathlib import Path

import pytest

from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.rejection import RowFault
from catalog.writer.protocol import MissingAlbum


@pytest.fixture
def covers(tmp_path: Path) -> CatalogCovers:
    folder = tmp_path / "covers"
    (folder / "below").mkdir(parents=True)
    for name in ("7.jpg", "named.png", "below/a b.jpg", "50%.jpg"):
        (folder / name).write_bytes(name.encode())
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return CatalogCovers(folder, CoverFetcher(max_bytes=100, allow_private=False), 100)


@pytest.mark.parametrize(
    ("source", "url", "file"),
    [
        (None, None, "7.jpg"),
        (None, "", "7.jpg"),
        (None, "/covers/named.png", "named.png"),
        (None, "/covers/named.png?size=large#top", "named.png"),
        (None, "/covers/below/a%20b.jpg", "below/a b.jpg"),
        (None, "/covers/50%25.jpg", "50%.jpg"),
        (None, "images/named.png", "named.png"),
        ("named.png", "https://elsewhere.example/x.jpg", "named.png"),
    ],
)
def test_a_file_is_looked_up_by_source_then_address_then_id(
    covers: CatalogCovers, source: str | None, url: str | None, file: str
) -> None:
    found = covers.read(MissingAlbum("7", source, url))

    assert (found.source, found.content) == (file, file.encode())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/covers/gone.jpg", "missing_cover"),
        ("/covers/../secret.jpg", "cover_refused"),
        ("/covers/%2e%2e/secret.jpg", "cover_refused"),
        ("http://127.0.0.1/7.jpg", "cover_refused"),
    ],
)
def test_a_cover_address_cannot_reach_other_files_or_private_hosts(
    covers: CatalogCovers, url: str, reason: str
) -> None:
    with pytest.raises(RowFault) as raised:
        covers.read(MissingAlbum("7", None, url))

    assert raised.value.reason == reason


def test_without_a_folder_the_error_asks_for_one() -> None:
    covers = CatalogCovers(None, CoverFetcher(max_bytes=100, allow_private=False), 100)

    with pytest.raises(RowFault, match="--covers DIR"):
        covers.read(MissingAlbum("7", None, "/covers/7.jpg"))
