"""The front cover is read from audio files of every format."""

from pathlib import Path

import pytest

from catalog.demo.albums import demo_albums
from catalog.ingest.covers.embedded_pictures import EmbeddedPicture, PictureLocation, embedded_covers
from tests.music_library.containers import FORMATS, wma
from tests.music_library.tags import LINK, Picture, PictureType, Tags
from tests.music_library.writer import cover_of

COVER = cover_of(demo_albums(1)[0])
OTHER = cover_of(demo_albums(2)[1])
#: The formats that store the type of a picture.
TYPED = sorted(FORMATS.keys() - {".m4a"})


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_front_cover_is_read(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"1{suffix.upper()}"
    file.write_bytes(FORMATS[suffix](Tags(title="One", pictures=(Picture(COVER),))))

    assert embedded_covers(file)[0] == EmbeddedPicture(COVER, is_front=True)


@pytest.mark.parametrize("suffix", TYPED)
def test_the_front_cover_is_chosen_among_several_pictures(tmp_path: Path, suffix: str) -> None:
    pictures = (Picture(OTHER, PictureType.BACK), Picture(OTHER, PictureType.OTHER), Picture(COVER))
    file = tmp_path / f"1{suffix}"
    file.write_bytes(FORMATS[suffix](Tags(title="One", pictures=pictures)))

    assert embedded_covers(file)[0] == EmbeddedPicture(COVER, is_front=True)


@pytest.mark.parametrize("suffix", TYPED)
def test_a_link_or_a_back_cover_is_no_cover(tmp_path: Path, suffix: str) -> None:
    linked = Picture(b"https://covers.example/1.jpg", media_type=LINK)
    file = tmp_path / f"1{suffix}"
    file.write_bytes(FORMATS[suffix](Tags(title="One", pictures=(linked, Picture(OTHER, PictureType.BACK)))))

    assert not embedded_covers(file)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_cut_file_raises_a_value_error_or_has_no_cover(tmp_path: Path, suffix: str) -> None:
    whole = FORMATS[suffix](Tags(title="One", pictures=(Picture(COVER),)))
    file = tmp_path / f"1{suffix}"
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        try:
            found = embedded_covers(file)
        except ValueError:
            continue
        assert all(COVER.startswith(picture.data) for picture in found)


def test_every_changed_byte_of_a_wma_header_is_read_or_refused(tmp_path: Path) -> None:
    whole = wma(Tags(title="One", pictures=(Picture(COVER[:40]),)))
    file = tmp_path / "1.wma"
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            embedded_covers(file)
        except ValueError:
            continue


@pytest.mark.parametrize("suffix", TYPED)
def test_every_front_cover_comes_before_pictures_of_the_type_other(tmp_path: Path, suffix: str) -> None:
    pictures = (Picture(OTHER, PictureType.OTHER), Picture(COVER), Picture(OTHER))
    file = tmp_path / f"1{suffix}"
    file.write_bytes(FORMATS[suffix](Tags(title="One", pictures=pictures)))

    found = [(picture.data, picture.is_front) for picture in embedded_covers(file)]

    assert found == [(COVER, True), (OTHER, True), (OTHER, False)]


@pytest.mark.parametrize(
    ("source", "location"),
    [
        ("a/1.mp3", PictureLocation("a/1.mp3")),
        ("a/1.MP3/2", PictureLocation("a/1.MP3", 2)),
        ("a/cover.jpg", PictureLocation("a/cover.jpg")),
        ("a/2", PictureLocation("a/2")),
        ("1.mp3/cover.jpg", PictureLocation("1.mp3/cover.jpg")),
        ("1.mp3/0", PictureLocation("1.mp3/0")),
    ],
)
def test_the_location_of_a_picture_is_a_path_with_a_number(source: str, location: PictureLocation) -> None:
    assert PictureLocation.of(source) == location
    assert str(location) == source
