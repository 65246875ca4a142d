"""Queries for several attributes are asked only if enough covers meet them, with the right covers marked."""

from dataclasses import replace

import pytest

from catalog.demo.albums import DemoAlbum, demo_albums
from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from training.evaluation.evaluation_set import COMBINATIONS, Question, demo_set


def with_looks(*, red_circles: int) -> list[DemoAlbum]:
    """Return red circles on black, one orange anchor on black, and one blue circle on grey."""
    album = demo_albums(1)[0]
    plain = replace(album.look, tone="dark", ground="black", layout="centred", colourful=False)
    red = replace(plain, ink="red", shape="circle")
    others = [replace(plain, ink="orange", shape="anchor"), replace(red, ink="blue", ground="grey")]
    return [replace(album, look=look) for look in [red] * red_circles + others]


def combined(albums: list[DemoAlbum]) -> dict[str, Question]:
    questions = demo_set(albums, []).questions
    return {question.word: question for question in questions if question.word_class in COMBINATIONS}


def test_combinations_of_two_and_three_attributes_are_asked() -> None:
    asked = combined(with_looks(red_circles=5))

    assert set(asked) == {"red circle", "circle on a black background", "red circle on a black background"}
    assert all(question.k == 5 for question in asked.values())


def test_covers_with_every_attribute_of_the_combination_are_right() -> None:
    asked = combined(with_looks(red_circles=5))

    assert list(asked["red circle"].true) == [True] * 5 + [False, False]


def test_a_combination_that_fewer_than_five_covers_meet_is_not_asked() -> None:
    assert combined(with_looks(red_circles=4)) == {}


def test_the_colour_of_colourful_objects_is_not_asked() -> None:
    albums = [replace(a, look=replace(a.look, colourful=True)) for a in with_looks(red_circles=6)]

    assert set(combined(albums)) == {"circle on a black background"}
