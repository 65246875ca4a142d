"""The albums of the demo catalog are reproducible and varied, and their captions are true."""

import re
from collections import Counter

from catalog.demo.albums import DEMO_ID_PATTERN, demo_albums
from catalog.demo.captions import plural
from catalog.demo.genres import GENRES


def test_an_album_does_not_depend_on_the_requested_count() -> None:
    few, many = demo_albums(5), demo_albums(50)

    assert many[:5] == few


def test_another_seed_gives_other_albums() -> None:
    ours, others = demo_albums(20), demo_albums(20, seed=1)

    assert not {album.id for album in ours} & {album.id for album in others}
    assert all(re.search(DEMO_ID_PATTERN, album.id) for album in ours)
    assert not any(re.search(DEMO_ID_PATTERN, album.id) for album in others)
    assert [album.look for album in ours] != [album.look for album in others]


def test_two_thousand_albums_have_unique_ids_and_looks() -> None:
    albums = demo_albums(2000)

    assert len({album.id for album in albums}) == 2000
    assert len({album.look for album in albums}) == 2000


def test_genres_are_as_uneven_as_in_a_real_catalog() -> None:
    albums = demo_albums(2000)

    shares = {genre: count / 2000 for genre, count in Counter(a.genre for a in albums).items()}

    assert set(shares) == set(GENRES)
    assert 0.27 < shares["Rock"] < 0.33
    assert 0 < shares["Spoken Word"] < 0.012


def test_years_scores_and_prizes_stay_within_the_catalogs_rules() -> None:
    for album in demo_albums(500):
        assert 1967 <= album.release_year <= 2024
        assert 0.0 <= album.pitchfork_score <= 10.0
        assert album.pitchfork_score == round(album.pitchfork_score, 1)
        assert album.pitchfork_score >= 8.2 or not album.best_new_music
        assert album.reviewer


def test_a_caption_names_the_attributes_of_its_cover() -> None:
    for album in demo_albums(500):
        caption, look = album.caption.lower(), album.look

        assert look.shape in caption or plural(look.shape) in caption
        assert look.ground in caption
        assert look.tone in caption
        assert ("colourful" in caption) == look.colourful
        assert look.colourful or look.ink in caption
        assert album.genre.lower() in caption
