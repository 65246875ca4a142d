"""Writes the figures of identification with 95 % bounds, beside their targets."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.identify.evidence_table import Row
from benchmarks.identify.proportions import described
from benchmarks.identify.queries import Query
from worker.identify.decision import FEATURES, Calibration

#: The targets for exact and right answers, by difficulty.
TARGETS = {"careful": 0.98, "hurried": 0.90, "worst": 0.65, "rephotograph": 0.99}
_GOOD_OVERLAP = 0.8


def verification_lines(rows: Sequence[Row], calibration: Calibration) -> Iterator[str]:
    """Yield figures of the verification alone: each photograph is compared with given albums."""
    for difficulty in dict.fromkeys(row.difficulty for row in rows):
        true = [row for row in rows if row.is_true and row.difficulty == difficulty]
        exact = [row for row in true if _probability(row, calibration) >= calibration.exact]
        yield (
            f"{difficulty}: exact {described(len(exact), len(true))}, target >= {TARGETS[difficulty]}; "
            f"corners above {_GOOD_OVERLAP} {_good_corners([row.overlap for row in exact])}"
        )
    for kind in ("decoy", "outsider", "album"):
        false = [row for row in rows if row.kind == kind and not row.is_true]
        photographs = {(row.camera, row.seed) for row in false}
        wrong = {
            (row.camera, row.seed) for row in false if _probability(row, calibration) >= calibration.exact
        }
        likely = {
            (row.camera, row.seed) for row in false if _probability(row, calibration) >= calibration.likely
        }
        yield (
            f"photographs of a {kind}, compared with other albums: false exact "
            f"{described(len(wrong), len(photographs))}, target <= 0.01; "
            f"likely or exact {described(len(likely), len(photographs))}"
        )
    costs = 1e3 * np.array([row.analysis_cpu_s for row in rows]), 1e3 * np.array([row.cpu_s for row in rows])
    yield f"CPU: analysis {np.median(costs[0]):.0f} ms, a candidate {np.median(costs[1]):.1f} ms (medians)"


def _probability(row: Row, calibration: Calibration) -> float:
    if row.features is None:
        return 0.0
    score = calibration.intercept + sum(calibration.weights[name] * row.features[name] for name in FEATURES)
    return float(1 / (1 + np.exp(-np.clip(score, -30, 30))))


def query_lines(name: str, queries: Sequence[Query]) -> Iterator[str]:
    """Yield the figures of whole queries on photographs of one kind."""
    inside = [query for query in queries if query.truth is not None]
    outside = [query for query in queries if query.truth is None]
    right = [query for query in inside if query.is_right]
    if inside:
        target = f", target >= {TARGETS[name]}" if name in TARGETS else ""
        yield f"{name}: exact and right {described(len(right), len(inside))}{target}"
        yield f"{name}: the true cover is a candidate {_recall(inside)}, target >= 0.95"
        yield f"{name}: corners above {_GOOD_OVERLAP} {_good_corners([query.overlap for query in right])}"
    false = sum(query.is_false_exact for query in queries)
    yield f"{name}: false exact {described(false, len(queries))}, target <= 0.01"
    for kind, group, most_ms in (("exact", right, 200), ("outsider", outside, 350)):
        if group:
            yield f"{name}: CPU of an {kind} query {_stages(group)}, target <= {most_ms} ms"


def _recall(queries: Sequence[Query]) -> str:
    parts: list[tuple[str, Callable[[Query], bool]]] = [
        ("", lambda q: q.rank_by_votes is not None or q.rank_by_embedding is not None),
        ("by votes", lambda q: q.rank_by_votes is not None),
        ("by crops", lambda q: q.rank_by_embedding is not None),
        ("by the first vote", lambda q: q.rank_by_votes == 0),
    ]
    counts = [(part, sum(1 for query in queries if test(query))) for part, test in parts]
    return ", ".join(f"{part} {described(count, len(queries))}".strip() for part, count in counts)


def _good_corners(overlaps: Sequence[float]) -> str:
    return described(sum(overlap > _GOOD_OVERLAP for overlap in overlaps), len(overlaps))


def _stages(queries: Sequence[Query]) -> str:
    stages = ("decode", "analyse", "embed", "vote", "verify")
    medians = [1e3 * float(np.median([getattr(q, f"{stage}_cpu_s") for q in queries])) for stage in stages]
    total = 1e3 * float(np.median([query.cpu_s for query in queries]))
    named = ", ".join(f"{stage} {value:.0f}" for stage, value in zip(stages, medians, strict=True))
    return f"{total:.0f} ms ({named})"
