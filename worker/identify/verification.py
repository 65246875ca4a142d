"""Verifies candidates: aligns each candidate's cover with the photograph, and stops at the first `exact`."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from common.prints import Places, Print, unpack_points
from worker.identify.agreement import compare, warp_to_cover
from worker.identify.analysed_photograph import AnalysedPhotograph
from worker.identify.decision import Calibration, Decision, Evidence
from worker.identify.matching import align
from worker.identify.quadrilaterals import turn_deg
from worker.prints.thumbnail import decode_thumbnail


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """A candidate whose cover was aligned with the photograph; `key` names the album."""

    key: str
    probability: float
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """The answer for one sleeve: the decision, and the aligned candidates, the likeliest first."""

    decision: Decision
    candidates: tuple[Verified, ...]


def identify(
    photograph: AnalysedPhotograph, candidates: Iterable[tuple[str, Print]], calibration: Calibration
) -> Identification:
    """Return which of the candidates the photograph shows; candidates after an `exact` are not read.

    Raises:
        DamagedPrint: a candidate's print is damaged.
    """
    verified: list[Verified] = []
    for key, found in candidates:
        evidence = gather_evidence(photograph, found)
        if evidence is None:
            continue
        verified.append(Verified(key, calibration.probability(evidence), evidence))
        if calibration.decide(verified[-1].probability) == Decision.EXACT:
            break
    verified.sort(key=lambda each: -each.probability)
    decision = calibration.decide(verified[0].probability) if verified else Decision.NONE
    return Identification(decision, tuple(verified))


def gather_evidence(photograph: AnalysedPhotograph, cover: Print) -> Evidence | None:
    """Return the evidence that the photograph shows the cover, or None if the points do not align."""
    aligned = align(
        photograph.points, photograph.places_px, unpack_points(cover.points), size=photograph.size
    )
    if aligned is None:
        return None
    warped = warp_to_cover(photograph.pixels, aligned.homography)
    return Evidence(
        inliers=aligned.inliers,
        matches=aligned.matches,
        spread=_spread(aligned.cover_places),
        agreement=compare(warped, decode_thumbnail(cover.thumbnail)),
        quad=np.asarray(aligned.quad * photograph.scale, dtype=np.float32),
        turn_deg=turn_deg(aligned.quad),
    )


def _spread(places: Places) -> float:
    return float(cv2.contourArea(cv2.convexHull(places)))
