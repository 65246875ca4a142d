import numpy as np
import pytest

from common.colours.oklab import linear_rgb, oklab, rgb_from_hex


@pytest.mark.parametrize(
    ("colour", "expected"),
    # The values of CSS Color 4, "Sample code for Color Conversions", rounded.
    [
        ("#ffffff", (1.0, 0.0, 0.0)),
        ("#000000", (0.0, 0.0, 0.0)),
        ("#ff0000", (0.62796, 0.22486, 0.12585)),
        ("#00ff00", (0.86644, -0.23389, 0.17950)),
        ("#0000FF", (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colours_have_their_published_coordinates(
    colour: str, expected: tuple[float, float, float]
) -> None:
    assert oklab(np.array(rgb_from_hex(colour))) == pytest.approx(expected, abs=2e-4)


def test_linear_rgb_inverts_the_conversion() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (100, 3))
    encoded = rgb / 255

    linear = linear_rgb(oklab(rgb))

    expected = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    assert linear == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("text", ["", "red", "#fff", "123456", "#12345g", "#1234567", "#123456\n", "#١٢٣٤٥٦"])
def test_other_texts_are_no_colours(text: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        rgb_from_hex(text)
