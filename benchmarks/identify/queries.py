"""Runs whole queries on photographs: analysis, embedding of crops, votes, ranking and verification."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TypeVar

import numpy as np
from PIL import Image

from benchmarks.identify.catalog import Catalog
from benchmarks.identify.difficulty import Pixels, Quad
from common.prints import unpack_points
from worker.encoder.protocol import Encoder
from worker.identify.analysed_photograph import AnalysedPhotograph, analyse
from worker.identify.candidates import merge_rankings
from worker.identify.crops import squares_of
from worker.identify.decision import Calibration, Decision
from worker.identify.point_index import PointIndex, build_index, vote
from worker.identify.quadrilaterals import overlap_of
from worker.identify.verification import Identification, identify

_EACH_RANKING = 25
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Query:
    """The outcome of one photograph; `truth` is the album that it shows, or None for an outsider."""

    truth: int | None
    decision: Decision
    album: int | None
    #: Where the truth stands in each list of candidates, from 0; None if it is missing.
    rank_by_votes: int | None
    rank_by_embedding: int | None
    overlap: float
    decode_cpu_s: float
    analyse_cpu_s: float
    embed_cpu_s: float
    vote_cpu_s: float
    verify_cpu_s: float

    @property
    def cpu_s(self) -> float:
        """Return the CPU time of all stages."""
        return self.decode_cpu_s + self.analyse_cpu_s + self.embed_cpu_s + self.vote_cpu_s + self.verify_cpu_s

    @property
    def is_right(self) -> bool:
        """Return whether the decision is `exact` and names the album."""
        return self.decision == Decision.EXACT and self.album == self.truth and self.truth is not None

    @property
    def is_false_exact(self) -> bool:
        """Return whether the decision is `exact` and names another album, or an album for an outsider."""
        return self.decision == Decision.EXACT and not self.is_right


class Identifier:
    """Answers queries on one catalog in this process."""

    def __init__(self, catalog: Catalog, encoder: Encoder, calibration: Calibration) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._calibration = calibration
        self.index: PointIndex = build_index([unpack_points(each.points).codes for each in catalog.prints])

    def ask(self, pixels: Pixels, *, truth: int | None, quad: Quad | None = None) -> Query:
        """Identify a photograph, which is sent as a JPEG."""
        file = BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=92)
        rgb, decode_s = _timed(lambda: np.asarray(Image.open(file).convert("RGB")))
        photograph, analyse_s = _timed(partial(analyse, rgb))
        by_embedding, embed_s = _timed(partial(self._nearest, photograph))
        by_votes, vote_s = _timed(partial(self._voted, photograph))
        found, verify_s = _timed(partial(self._verify, photograph, [by_votes, by_embedding]))
        best = found.candidates[0] if found.candidates else None
        return Query(
            truth=truth,
            decision=found.decision,
            album=None if best is None else int(best.key),
            rank_by_votes=_rank(by_votes, truth),
            rank_by_embedding=_rank(by_embedding, truth),
            overlap=0.0 if best is None or quad is None else overlap_of(best.evidence.quad, quad),
            decode_cpu_s=decode_s,
            analyse_cpu_s=analyse_s,
            embed_cpu_s=embed_s,
            vote_cpu_s=vote_s,
            verify_cpu_s=verify_s,
        )

    def _voted(self, photograph: AnalysedPhotograph) -> list[int]:
        albums, _ = vote(self.index, photograph.points.codes, most=_EACH_RANKING)
        return [int(album) for album in albums]

    def _nearest(self, photograph: AnalysedPhotograph) -> list[int]:
        squares = squares_of(photograph.pixels, photograph.outlines, size_px=self._encoder.input_size_px)
        similarity = (self._encoder.encode_images(squares) @ self._catalog.embeddings.T).max(axis=0)
        nearest: list[int] = np.argsort(-similarity)[:_EACH_RANKING].tolist()
        return nearest

    def _verify(self, photograph: AnalysedPhotograph, rankings: list[list[int]]) -> Identification:
        candidates = ((str(album), self._catalog.prints[album]) for album in merge_rankings(rankings))
        return identify(photograph, candidates, self._calibration)


def _rank(ranking: list[int], truth: int | None) -> int | None:
    return ranking.index(truth) if truth is not None and truth in ranking else None


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    started = time.process_time()
    return work(), time.process_time() - started
