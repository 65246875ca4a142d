from pathlib import Path
from random import Random

import pytest

from benchmarks.identify.evidence_table import Row
from benchmarks.identify.fitting import fit, save
from benchmarks.identify.proportions import bounds, described
from worker.identify.decision import FEATURES, load_calibration


def row(rng: Random, *, is_true: bool) -> Row:
    middle = 0.8 if is_true else 0.3
    features = {name: rng.gauss(middle, 0.2) for name in FEATURES}
    return Row("warping", "careful", "album", 1, is_true, features, 0.9, 0.1, 0.01)


def test_true_rows_are_more_probable_than_false_rows(tmp_path: Path) -> None:
    rng = Random(3)
    rows = [row(rng, is_true=number % 2 == 0) for number in range(400)]

    calibration = fit(rows)

    weights = [calibration.weights[name] for name in FEATURES]
    scores = [
        calibration.intercept + sum(w * each.features[n] for w, n in zip(weights, FEATURES, strict=True))
        for each in rows
        if each.features
    ]
    right = sum((score > 0) == each.is_true for score, each in zip(scores, rows, strict=True))
    assert right > 380
    assert min(weights) > 0


def test_a_saved_calibration_is_loaded(tmp_path: Path) -> None:
    rng = Random(4)
    calibration = fit([row(rng, is_true=number % 2 == 0) for number in range(100)])

    save(calibration, fitted_on="a test", path=tmp_path / "calibration.json")

    loaded = load_calibration(tmp_path / "calibration.json")
    assert loaded.exact == pytest.approx(calibration.exact, abs=1e-4)
    assert loaded.weights == pytest.approx(calibration.weights, abs=1e-3)


def test_bounds_are_wilsons() -> None:
    assert bounds(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-3)
    assert described(97, 100) == "97 of 100 = 0.970 (0.915 to 0.990)"
