"""Every object on demo covers can be drawn, and no two objects look alike."""

import numpy as np
import pytest
from PIL import Image

from catalog.demo.drawing.canvas import Canvas, Stamp
from catalog.demo.drawing.shapes import SHAPES, outline


def silhouette(shape: str) -> np.ndarray:
    canvas = Canvas(Image.new("RGB", (64, 64)))
    return np.asarray(canvas.mask([Stamp(shape, 0.5, 0.5, 0.45)]), float) / 255


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_part_of_the_unit_disc(shape: str) -> None:
    painted = [point for piece in outline(shape) if not piece.cut for point in piece.points]
    reach = max((x * x + y * y) ** 0.5 for x, y in painted)

    assert reach < 1.3
    assert 0.05 < silhouette(shape).mean() < 0.7


def test_no_two_shapes_have_the_same_silhouette() -> None:
    drawn = {shape: silhouette(shape) for shape in SHAPES}

    for one in SHAPES:
        for other in SHAPES:
            if one < other:
                assert np.abs(drawn[one] - drawn[other]).mean() > 0.03, (one, other)
