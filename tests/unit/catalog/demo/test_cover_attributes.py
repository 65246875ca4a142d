"""Tests of the attributes of demo covers and of the facts that describe these attributes."""

from random import Random

from catalog.demo.albums import demo_albums
from catalog.demo.cover_attributes import FACTS, facts, random_look
from catalog.demo.drawing.palette import GROUNDS, INKS, contrast
from catalog.demo.genres import GENRES


def test_every_fact_of_a_look_is_one_of_the_known_facts() -> None:
    for album in demo_albums(300):
        assert facts(album.look, genre=album.genre) <= set(FACTS)


def test_objects_stand_out_from_the_background() -> None:
    rng = Random(1)
    for genre in GENRES:
        for _ in range(50):
            look = random_look(rng, genre=genre)
            assert contrast(INKS[look.ink], GROUNDS[look.tone][look.ground]) > 150


def test_the_colour_of_many_coloured_objects_is_not_claimed() -> None:
    colourful = [album for album in demo_albums(500) if album.look.colourful]

    assert colourful
    for album in colourful:
        known = facts(album.look, genre=album.genre)
        assert "scheme:colourful" in known
        assert not any(fact.startswith("ink:") for fact in known)


def test_metal_covers_are_darker_than_pop_covers() -> None:
    albums = demo_albums(2000)

    def dark_share(genre: str) -> float:
        tones = [album.look.tone for album in albums if album.genre == genre]
        return tones.count("dark") / len(tones)

    assert dark_share("Metal") > 0.6
    assert dark_share("Pop/R&B") < 0.3
