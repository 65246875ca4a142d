"""Fits the decision's logistic regression, and chooses its thresholds."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.identify.evidence_table import Row
from worker.identify import decision
from worker.identify.decision import FEATURES, Calibration

#: The penalty on the weights of standardised features, without which the weights of separable rows diverge.
_PENALTY = 0.1
_STEPS = 50
#: `exact` needs at least this probability, and log-odds this much above those of every false candidate.
_EXACT_AT_LEAST, _MARGIN = 0.97, 0.7
_LIKELY = 0.5
_Floats = npt.NDArray[np.float64]


def fit(rows: Sequence[Row]) -> Calibration:
    """Return the parameters that suit the rows whose points align.

    Raises:
        ValueError: no true candidate, or no false candidate, aligns.
    """
    aligned = [row for row in rows if row.features is not None]
    table = np.array([[row.features[name] for name in FEATURES] for row in aligned if row.features])
    truth = np.array([row.is_true for row in aligned], dtype=np.float64)
    if len(set(truth.tolist())) != 2:
        raise ValueError(
            "the rows need true and false candidates whose points align: collect more photographs"
        )
    centre, scale = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-6)
    weights = _growing_logistic((table - centre) / scale, truth)
    slopes = weights[1:] / scale
    intercept = float(weights[0] - slopes @ centre)
    scores = table @ slopes + intercept
    highest_false = scores[truth == 0].max()
    exact = max(float(_probability(highest_false + _MARGIN)), _EXACT_AT_LEAST)
    named = {name: float(slope) for name, slope in zip(FEATURES, slopes, strict=True)}
    return Calibration(named, intercept, exact=exact, likely=_LIKELY)


def save(calibration: Calibration, *, fitted_on: str, path: Path | None = None) -> None:
    """Write the parameters to the file that the service loads."""
    text = {
        "fitted_on": fitted_on,
        "weights": {name: round(value, 4) for name, value in calibration.weights.items()},
        "intercept": round(calibration.intercept, 4),
        "exact": round(calibration.exact, 5),
        "likely": calibration.likely,
    }
    target = path or Path(decision.__file__).with_name("calibration.json")
    target.write_text(json.dumps(text, indent=2) + "\n")


def _growing_logistic(table: _Floats, truth: _Floats) -> _Floats:
    """Return the intercept and weights that are not negative, because more agreement is never worse evidence.

    The feature with the most negative weight is left out until none is negative.
    """
    kept = list(range(table.shape[1]))
    while True:
        fitted = _logistic(table[:, kept], truth)
        lowest = int(fitted[1:].argmin())
        if fitted[1 + lowest] >= 0:
            weights = np.zeros(1 + table.shape[1])
            weights[[0, *(1 + feature for feature in kept)]] = fitted
            return weights
        del kept[lowest]


def _logistic(table: _Floats, truth: _Floats) -> _Floats:
    """Return the intercept and the weights, by Newton's method."""
    design = np.column_stack([np.ones(len(table)), table])
    penalty = _PENALTY * np.eye(design.shape[1])
    penalty[0, 0] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = _probability(design @ weights)
        slope = design.T @ (truth - probability) - penalty @ weights
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + penalty
        weights += np.linalg.solve(curvature, slope)
    return weights


def _probability(score: _Floats) -> _Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -30, 30))))
