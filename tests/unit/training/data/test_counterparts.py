"""A counterpart differs from its cover in one attribute, and can be drawn."""

from dataclasses import asdict
from random import Random

import pytest

from catalog.demo.albums import demo_albums
from catalog.demo.cover_attributes import MANY_COPIES, Look
from catalog.demo.drawing.palette import GROUNDS, inks_on
from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from training.data.counterparts import LOOKALIKES, counterparts, exchange

LOOKS = [album.look for album in demo_albums(400, seed=11)]
FIELDS = {"shape": {"shape"}, "background": {"ground"}, "colour": {"ink", "colourful"}}


def changed(one: Look, other: Look) -> set[str]:
    after = asdict(other)
    return {name for name, value in asdict(one).items() if value != after[name]}


@pytest.mark.parametrize("attribute", FIELDS)
def test_only_the_exchanged_attribute_changes(attribute: str) -> None:
    changes = [changed(look, exchange(look, attribute, rng=Random(i))) for i, look in enumerate(LOOKS)]

    assert all(len(change) == 1 and change <= FIELDS[attribute] for change in changes)


def test_objects_contrast_with_an_exchanged_background_or_colour() -> None:
    for number, look in enumerate(LOOKS):
        for attribute in ("background", "colour"):
            other = exchange(look, attribute, rng=Random(number))

            assert other.ink in inks_on(GROUNDS[other.tone][other.ground])
            assert other.ground not in {other.ink, other.accent}


def test_only_layouts_with_many_copies_stay_colourful() -> None:
    others = [exchange(look, "layout", rng=Random(i)) for i, look in enumerate(LOOKS)]

    assert all("layout" in changed(look, other) for look, other in zip(LOOKS, others, strict=True))
    assert all(other.layout in MANY_COPIES for other in others if other.colourful)


def test_a_shape_is_most_often_exchanged_for_a_look_alike() -> None:
    circle = next(look for look in LOOKS if look.shape == "circle")
    group = next(group for group in LOOKALIKES if "circle" in group)

    others = [exchange(circle, "shape", rng=Random(i)).shape for i in range(200)]

    assert "circle" not in others
    assert sum(other in group for other in others) > 100


def test_counterparts_repeat_with_the_seed() -> None:
    albums = demo_albums(20, seed=11)

    one, again, other = (counterparts(albums, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert one != other
    assert all(album.look != partner.look for album, partner in zip(albums, one, strict=True))


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(ValueError, match="shape, colour, background or layout"):
        exchange(LOOKS[0], "title", rng=Random(1))
