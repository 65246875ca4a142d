"""A cover has the cells of the colours that cover at least a fifth of it."""

import numpy as np

from common.colours.cells import NEAR, STEP, cell_of, cells_of
from common.colours.oklab import DISTANCE_SCALE, oklab, rgb_from_hex
from common.colours.palette import Palette


def palette(*colours: tuple[str, int]) -> Palette:
    """Return a palette of colours with their shares in thousandths."""
    return Palette.of(
        (*np.rint(oklab(np.array(rgb_from_hex(colour))) * 1000).astype(int).tolist(), share)
        for colour, share in colours
    )


def test_a_cover_has_the_cells_of_its_main_colours_only() -> None:
    cells = cells_of(palette(("#d7262d", 500), ("#2a5fd8", 300), ("#faf9f5", 199)))

    assert cell_of("#d7262d") in cells
    assert cell_of("#2a5fd8") in cells
    assert cell_of("#faf9f5") not in cells
    assert cell_of("#2a9d47") not in cells


def test_a_share_of_exactly_a_fifth_is_enough() -> None:
    assert cell_of("#2a9d47") in cells_of(palette(("#ffffff", 800), ("#2a9d47", 200)))


def test_similar_shades_add_up() -> None:
    shades = palette(("#d7262d", 120), ("#da2a30", 120), ("#ffffff", 760))

    assert cell_of("#d8282e") in cells_of(shades)


def test_an_empty_palette_has_no_cells() -> None:
    assert cells_of(Palette(())) == []


def test_every_srgb_colour_belongs_to_a_cell_that_a_cover_can_have() -> None:
    for colour in [*np.random.default_rng(2).integers(0, 256, (300, 3)).tolist(), [0, 0, 0], [255, 255, 255]]:
        text = "#{:02x}{:02x}{:02x}".format(*colour)

        # A colour and the centre of its cube are nearer than NEAR, even after rounding to thousandths.
        assert cell_of(text) in cells_of(palette((text, 1000))), text


def test_cells_are_those_within_the_distance() -> None:
    cells = cells_of(palette(("#808080", 1000)))

    centre = oklab(np.array([128, 128, 128])) * DISTANCE_SCALE
    cubes = np.array([[cell // 441, cell // 21 % 21 - 9, cell % 21 - 12] for cell in cells]) * STEP
    assert np.linalg.norm(cubes - centre, axis=1).max() <= NEAR + 0.002
    assert 20 <= len(cells) <= 30
    assert cells == sorted(cells)
