"""Tests of the cover URL that clients receive."""

import pytest

from catalog.ingest.columns.fields import Album, AlbumFields
from catalog.ingest.covers.protocol import cover_url


@pytest.mark.parametrize(
    ("album_id", "source", "template", "url"),
    [
        ("7", "7.jpg", "/covers/{file}", "/covers/7.jpg"),
        ("7", "a/ü #1?.jpg", "/covers/{file}", "/covers/a/%C3%BC%20%231%3F.jpg"),
        ("50%#?", "x.jpg", "https://cdn.example/{id}.jpg", "https://cdn.example/50%25%23%3F.jpg"),
        ("{file}", "x.jpg", "/covers/{id}", "/covers/%7Bfile%7D"),
        ("7", "https://a.example/b?c=d#e", "{file}", "https://a.example/b?c=d#e"),
        ("7", "7.jpg", None, None),
    ],
)
def test_the_address_template_is_filled_with_the_album_id(
    album_id: str, source: str, template: str | None, url: str | None
) -> None:
    album = Album(1, AlbumFields(id=album_id, artist="A", album_name="B"), None, {})

    assert cover_url(album, source=source, template=template) == url
