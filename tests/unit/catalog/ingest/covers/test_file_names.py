"""A cover file is found by album id or by the file name in the table, in any common spelling."""

import io
import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from catalog.ingest.covers.file_names import SUFFIXES, CoverFiles
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.rejection import RowFault
from common.errors import ImageError
from worker.decode.image import decode_image

COMPOSED = "Bj\u00f6rk \u1e69"
APART = unicodedata.normalize("NFD", COMPOSED)


def folder(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"x")
    return path


# Pillow's warnings about deprecated formats are ignored, because we do not accept these formats.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_decodable_format_has_file_suffixes() -> None:
    Image.init()
    taken = {suffix for suffix, name in Image.registered_extensions().items() if decoder_takes(name)}

    assert taken <= set(SUFFIXES)
    assert {".jpg", ".png", ".webp", ".gif", ".bmp", ".tif"} <= taken


def decoder_takes(pillow_format: str) -> bool:
    file = io.BytesIO()
    try:
        Image.new("RGB", (32, 32)).save(file, pillow_format)
        decode_image(file.getvalue(), size_px=8, max_pixels=10_000)
    except (KeyError, ValueError, OSError, ImageError):
        return False
    return True


@pytest.mark.parametrize("suffix", [*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES), ".Jpeg", ".pNg"])
def test_a_cover_file_may_have_any_known_suffix_in_any_case(tmp_path: Path, suffix: str) -> None:
    files = CoverFiles(folder(tmp_path, f"1{suffix}", f"10{suffix}", "1.txt", "1"))

    assert files.of_album("1") == [f"1{suffix}"]


@pytest.mark.parametrize(("album_id", "stem"), [(COMPOSED, APART), (APART, COMPOSED), (APART, APART)])
def test_composed_and_decomposed_accents_are_both_found(tmp_path: Path, album_id: str, stem: str) -> None:
    files = CoverFiles(folder(tmp_path, f"{stem}.jpg"))

    assert files.of_album(album_id) == [f"{stem}.jpg"]


@pytest.mark.parametrize(
    ("album_id", "name"),
    [
        ("AC/DC", "AC%2FDC.jpg"),
        ("AC/DC", "AC%2fDC.jpg"),
        ("AC/DC", "AC_DC.jpg"),
        ("a:b*c?", "a_b_c_.jpg"),
        ("50%", "50%.jpg"),
        ("50%", "50%25.jpg"),
        ("a%2Fb", "a%2Fb.jpg"),
        ("1.5", "1.5.jpg"),
        ("Bj\u00f6rk", "Bj%C3%B6rk.png"),
    ],
)
def test_characters_not_allowed_in_file_names_are_found_encoded_or_replaced(
    tmp_path: Path, album_id: str, name: str
) -> None:
    assert CoverFiles(folder(tmp_path, name)).of_album(album_id) == [name]


def test_a_file_named_exactly_as_the_id_takes_precedence(tmp_path: Path) -> None:
    names = [f"{COMPOSED}.png", f"{APART}.jpg", f"{COMPOSED}.JPG", f"{COMPOSED}.jpeg"]
    files = CoverFiles(folder(tmp_path, *names))

    assert files.of_album(COMPOSED) == [
        f"{COMPOSED}.JPG",
        f"{COMPOSED}.jpeg",
        f"{COMPOSED}.png",
        f"{APART}.jpg",
    ]


@pytest.mark.parametrize("album_id", ["2", "", ".", "..", "a/b", "x" * 500, "\x00", "1.jpg"])
def test_an_album_without_a_cover_file_has_none(tmp_path: Path, album_id: str) -> None:
    covers = CoverFolder(folder(tmp_path, "1.jpg", "a/b.jpg"), 1000)

    with pytest.raises(RowFault) as caught:
        covers.find(album_id, None)

    assert caught.value.reason == "missing_cover"


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("1.jpg", "1.jpg"),
        ("1.JPG", "1.jpg"),
        ("1.jpg", "1.JPG"),
        (f"{COMPOSED}.jpg", f"{APART}.JPG"),
        (f"a/{APART}.png", f"a/{COMPOSED}.png"),
        (f"{COMPOSED}/1.jpg", f"{APART}/1.jpg"),
        ("./1.jpg", "1.jpg"),
        ("notes.txt", "notes.txt"),
    ],
)
def test_a_file_named_in_the_table_is_read(tmp_path: Path, named: str, name: str) -> None:
    covers = CoverFolder(folder(tmp_path, name), 1000)

    assert covers.read(covers.find("7", named).source) == b"x"


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("2.jpg", "missing_cover"),
        ("1.png", "missing_cover"),
        ("\x00.jpg", "missing_cover"),
        ("x" * 5000, "missing_cover"),
        ("../SECRET.jpg", "missing_cover"),
        ("../secret.jpg", "cover_refused"),
        ("/etc/passwd", "cover_refused"),
    ],
)
def test_a_missing_file_is_not_found(tmp_path: Path, named: str, reason: str) -> None:
    covers = CoverFolder(folder(tmp_path, "covers/1.jpg", "secret.jpg") / "covers", 1000)

    with pytest.raises(RowFault) as caught:
        covers.read(covers.find("7", named).source)

    assert caught.value.reason == reason


@pytest.mark.timeout(10)
def test_a_cover_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.jpg")
    covers = CoverFolder(tmp_path, 1000)

    with pytest.raises(RowFault, match="it is not a regular file"):
        covers.read(covers.find("1", "1.jpg").source)
