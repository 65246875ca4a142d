"""Draws a sheet with one row per search phrase: the phrase and the covers that a model finds first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

from training.evaluation.encoder import Encoder

#: Phrases that people type into a search for covers; the generator of the demo covers uses only some of
#: their words, and some phrases describe no demo cover at all.
PHRASES = (
    "minimalist",
    "text only",
    "dark ambient",
    "red circle on a dark cover",
    "black and white",
    "two birds",
    "psychedelic",
    "lonely mountain at night",
    "lots of tiny stars",
    "one big golden crown",
    "blue and pink",
    "heavy metal skull",
    "jazz guitar",
    "something with stripes",
    "under water",
    "summer beach",
    "broken heart",
    "colourful geometric shapes",
    "old tape",
    "a woman's face",
)
COVERS_A_PHRASE = 8
_COVER_PX, _GAP_PX, _LABEL_PX, _FONT_PX = 96, 6, 260, 17
_PAPER, _INK = "#ffffff", "#1c2530"


def phrase_sheet(encoder: Encoder, pictures: Sequence[Image.Image], *, phrases: Sequence[str]) -> Image.Image:
    """Return the sheet; the covers of a row are in descending order of similarity to the phrase."""
    row_px = _COVER_PX + _GAP_PX
    shown = min(COVERS_A_PHRASE, len(pictures))
    sheet = Image.new("RGB", (_LABEL_PX + shown * row_px, len(phrases) * row_px + _GAP_PX), _PAPER)
    text = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_PX)
    for row, (phrase, found) in enumerate(found_covers(encoder, pictures, phrases=phrases)):
        top = row * row_px + _GAP_PX
        text.text((_GAP_PX, top + _COVER_PX / 2), phrase, fill=_INK, font=font, anchor="lm")
        for column, number in enumerate(found):
            small = pictures[number].resize((_COVER_PX, _COVER_PX), Image.Resampling.BICUBIC)
            sheet.paste(small, (_LABEL_PX + column * row_px, top))
    return sheet


def found_covers(
    encoder: Encoder, pictures: Sequence[Image.Image], *, phrases: Sequence[str]
) -> Iterator[tuple[str, list[int]]]:
    """Yield each phrase with the indexes of the covers that are most similar to it, best first."""
    similarity = encoder.similarity(phrases, pictures)
    best = similarity.topk(min(COVERS_A_PHRASE, len(pictures)), dim=1).indices
    yield from zip(phrases, best.tolist(), strict=True)
