"""Covers are counted under the name of their main colour."""

import numpy as np
import pytest

from common.colours.names import SHADES, main_colour, names_of
from common.colours.oklab import oklab, rgb_from_hex
from common.colours.palette import Palette


def test_there_are_a_dozen_names_and_three_neutral_names() -> None:
    assert len(SHADES) == 15
    assert {"black", "grey", "white"} < SHADES.keys()


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ff0000", "red"),
        ("#8b0000", "red"),
        ("#ffa500", "orange"),
        ("#654321", "brown"),
        ("#f5deb3", "beige"),
        ("#ffff00", "yellow"),
        ("#7fff00", "lime"),
        ("#006400", "green"),
        ("#008080", "teal"),
        ("#000080", "blue"),
        ("#87ceeb", "blue"),
        ("#800080", "magenta"),
        ("#8a2be2", "purple"),
        ("#ffc0cb", "pink"),
        ("#000000", "black"),
        ("#808080", "grey"),
        ("#ffffff", "white"),
    ],
)
def test_css_colours_have_their_everyday_names(colour: str, name: str) -> None:
    assert names_of(oklab(np.array([rgb_from_hex(colour)]))) == [name]


def test_the_shares_of_shades_with_the_same_name_add_up() -> None:
    blue, navy, red = (500, -20, -200, 300), (280, -5, -130, 250), (560, 190, 100, 450)

    assert main_colour(Palette((red, blue, navy))) == "blue"


def test_an_empty_palette_has_no_main_colour() -> None:
    assert main_colour(Palette(())) is None
