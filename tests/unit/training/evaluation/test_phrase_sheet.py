"""The sheet of phrases shows for each phrase the covers that the model finds first."""

import pytest

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import draw_cover
from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL

pytest.importorskip("torch", reason=NEEDS_TORCH)

from training.evaluation.encoder import Encoder
from training.evaluation.phrase_sheet import COVERS_A_PHRASE, PHRASES, found_covers, phrase_sheet

ALBUMS = demo_albums(60)
PICTURES = [draw_cover(album, size_px=96) for album in ALBUMS]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(DEMO_MODEL)


def test_there_are_twenty_different_phrases() -> None:
    assert len(set(PHRASES)) == 20


def test_the_covers_of_a_row_match_its_phrase(encoder: Encoder) -> None:
    rows = dict(found_covers(encoder, PICTURES, phrases=["dark", "pale"]))

    for tone, found in rows.items():
        assert len(found) == COVERS_A_PHRASE
        assert [ALBUMS[number].look.tone for number in found].count(tone) >= 7


def test_every_phrase_has_a_row_with_its_covers(encoder: Encoder) -> None:
    sheet = phrase_sheet(encoder, PICTURES, phrases=["dark", "pale"])
    dark, pale = (sheet.crop((260, top, sheet.width, top + 102)).resize((1, 1)) for top in (0, 102))

    assert sheet.height > 2 * 96
    assert sum(dark.getpixel((0, 0))) < sum(pale.getpixel((0, 0)))  # type: ignore[arg-type]


def test_a_small_catalog_fills_only_a_part_of_a_row(encoder: Encoder) -> None:
    rows = dict(found_covers(encoder, PICTURES[:3], phrases=["dark"]))

    assert sorted(rows["dark"]) == [0, 1, 2]
