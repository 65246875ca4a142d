"""Decides whether a photograph shows a cover: evidence ─► features ─► logistic ─► probability ─► decision.

The weights and thresholds are in `calibration.json`, which `python -m benchmarks.identify fit` writes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log
from pathlib import Path

from worker.identify.agreement import Agreement
from worker.identify.quadrilaterals import Quad

#: The names of the features, in the order of their weights.
FEATURES = ("log_inliers", "inlier_ratio", "spread", "share", "consistency", "grey", "colour", "gradient")
_CALIBRATION = Path(__file__).with_name("calibration.json")


class Decision(StrEnum):
    """What is said about a photograph; each member needs less evidence than the one before."""

    EXACT = "exact"
    LIKELY = "likely"
    NONE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Why a photograph is thought to show a cover."""

    inliers: int
    matches: int
    #: The share of the cover's area that the inliers' convex hull takes.
    spread: float
    agreement: Agreement
    #: The cover's corners in pixels of the upright upload, clockwise from the cover's upper left corner.
    quad: Quad
    #: By how many degrees the cover is turned clockwise in the photograph, from -180 to 180.
    turn_deg: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted parameters of the decision."""

    weights: Mapping[str, float]
    intercept: float
    #: The lowest probabilities of `exact` and `likely`.
    exact: float
    likely: float

    def probability(self, evidence: Evidence) -> float:
        """Return the probability that the photograph shows the cover."""
        features = features_of(evidence)
        score = self.intercept + sum(self.weights[name] * features[name] for name in FEATURES)
        return 1 / (1 + exp(-max(-30.0, min(30.0, score))))

    def decide(self, probability: float) -> Decision:
        """Return the decision for the probability of the best candidate."""
        if probability >= self.exact:
            return Decision.EXACT
        return Decision.LIKELY if probability >= self.likely else Decision.NONE


def features_of(evidence: Evidence) -> dict[str, float]:
    """Return the features of a candidate by name."""
    agreement = evidence.agreement
    return {
        "log_inliers": log(evidence.inliers),
        "inlier_ratio": evidence.inliers / evidence.matches,
        "spread": evidence.spread,
        "share": agreement.share,
        "consistency": agreement.consistency,
        "grey": agreement.grey,
        "colour": agreement.colour,
        "gradient": agreement.gradient,
    }


def load_calibration(path: Path = _CALIBRATION) -> Calibration:
    """Return the parameters that a calibration wrote.

    Raises:
        ValueError: the file lacks a parameter, or a threshold is not between 0 and 1.
    """
    found = json.loads(path.read_text())
    try:
        calibration = Calibration(
            weights={name: float(found["weights"][name]) for name in FEATURES},
            intercept=float(found["intercept"]),
            exact=float(found["exact"]),
            likely=float(found["likely"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name} lacks the parameter {error}: fit the decision again") from error
    if not 0 < calibration.likely <= calibration.exact < 1:
        raise ValueError(f"the thresholds in {path.name} must satisfy 0 < likely <= exact < 1")
    return calibration
