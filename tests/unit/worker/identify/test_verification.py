import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.identify import ray_camera
from benchmarks.identify.catalog import decoy_of, drawn
from benchmarks.identify.difficulty import CAREFUL, Photograph
from catalog.demo.albums import DemoAlbum, demo_albums
from common.prints import Print
from worker.identify.analysed_photograph import analyse
from worker.identify.decision import Decision, load_calibration
from worker.identify.quadrilaterals import overlap_of
from worker.identify.verification import gather_evidence, identify
from worker.prints.cover_print import make_print

SHOWN = 2


@pytest.fixture(scope="module")
def albums() -> list[DemoAlbum]:
    return demo_albums(5, seed=4)


@pytest.fixture(scope="module")
def prints(albums: list[DemoAlbum]) -> list[Print]:
    return [make_print(drawn(album)) for album in albums]


@pytest.fixture(scope="module")
def photograph(albums: list[DemoAlbum]) -> Photograph:
    return ray_camera.photograph(drawn(albums[SHOWN]), difficulty=CAREFUL, seed=9)


def named(prints: list[Print]) -> Iterator[tuple[str, Print]]:
    return ((str(number), each) for number, each in enumerate(prints))


def test_a_photographed_cover_is_identified_with_its_corners(
    photograph: Photograph, prints: list[Print]
) -> None:
    found = identify(analyse(photograph.pixels), named(prints), load_calibration())

    best = found.candidates[0]
    assert (found.decision, best.key) == (Decision.EXACT, str(SHOWN))
    assert overlap_of(best.evidence.quad, photograph.quad) > 0.95
    assert best.evidence.inliers <= best.evidence.matches


def test_candidates_after_an_exact_one_are_not_read(photograph: Photograph, prints: list[Print]) -> None:
    def candidates() -> Iterator[tuple[str, Print]]:
        yield "right", prints[SHOWN]
        raise AssertionError("a candidate after the exact one was read")

    assert identify(analyse(photograph.pixels), candidates(), load_calibration()).decision == Decision.EXACT


def test_without_its_album_a_photograph_is_not_identified(
    photograph: Photograph, prints: list[Print]
) -> None:
    others = [each for number, each in enumerate(prints) if number != SHOWN]

    assert identify(analyse(photograph.pixels), named(others), load_calibration()).decision == Decision.NONE


def test_the_same_motif_in_other_colours_with_another_title_is_not_exact(
    albums: list[DemoAlbum], photograph: Photograph
) -> None:
    decoy = make_print(drawn(decoy_of(albums[SHOWN], seed=3)))

    found = identify(analyse(photograph.pixels), [("decoy", decoy)], load_calibration())

    assert found.decision != Decision.EXACT


def test_a_mirrored_photograph_is_not_aligned(photograph: Photograph, prints: list[Print]) -> None:
    mirrored = analyse(photograph.pixels[:, ::-1].copy())

    evidence = gather_evidence(mirrored, prints[SHOWN])

    assert evidence is None or load_calibration().probability(evidence) < load_calibration().likely


def test_a_cover_without_points_is_never_identified(photograph: Photograph, prints: list[Print]) -> None:
    assert gather_evidence(analyse(photograph.pixels), replace(prints[SHOWN], points=b"")) is None


def test_a_calibration_without_a_weight_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "calibration.json"
    broken.write_text(json.dumps({"weights": {}, "intercept": 0, "exact": 0.9, "likely": 0.5}))

    with pytest.raises(ValueError, match="log_inliers"):
        load_calibration(broken)
