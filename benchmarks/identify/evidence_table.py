"""Collects the evidence of photographs: of covers in the catalog, of decoys and of outsiders.

Every photograph is analysed once and compared with its own album, with the album that a decoy imitates, and
with other albums. The rows are kept in `.state/identify`, one JSON object a line, so that a fit does not take
the photographs again.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.identify import ray_camera, warping_camera
from benchmarks.identify.catalog import STATE, decoy_of, drawn
from benchmarks.identify.difficulty import DIFFICULTIES, Difficulty, Photograph
from catalog.demo.albums import DemoAlbum
from common.prints import Print
from worker.identify.analysed_photograph import analyse
from worker.identify.decision import Evidence, features_of
from worker.identify.quadrilaterals import overlap_of
from worker.identify.verification import gather_evidence

CAMERAS: dict[str, Callable[..., Photograph]] = {
    warping_camera.NAME: warping_camera.photograph,
    ray_camera.NAME: ray_camera.photograph,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A photograph compared with one album; `features` is None if the points do not align."""

    camera: str
    difficulty: str
    #: What the photograph shows: `album`, `decoy` or `outsider`.
    kind: str
    seed: int
    is_true: bool
    features: dict[str, float] | None
    #: The intersection of the corners with the truth over their union; 0 unless `is_true`.
    overlap: float
    analysis_cpu_s: float
    cpu_s: float


def collect(
    albums: Sequence[DemoAlbum],
    prints: Sequence[Print],
    outsiders: Sequence[DemoAlbum],
    *,
    camera: str,
    first_seed: int,
    rivals: int,
) -> Iterator[Row]:
    """Yield the rows of one photograph of each album, decoy and outsider, with difficulties in turn.

    Each photograph is compared with `rivals` other albums.
    """
    for number, album in enumerate(albums):
        difficulty = DIFFICULTIES[number % len(DIFFICULTIES)]
        seed = first_seed + number
        others = [(number + step) % len(albums) for step in range(1, rivals + 1)]
        shown = [
            ("album", album, [number, *others]),
            ("decoy", decoy_of(album, seed=seed), [number, *others]),
        ]
        if number < len(outsiders):
            shown.append(("outsider", outsiders[number], [number, *others]))
        for kind, each, compared in shown:
            photograph = CAMERAS[camera](drawn(each), difficulty=difficulty, seed=seed)
            yield from _compare(photograph, kind, difficulty, [prints[one] for one in compared])


def _compare(
    photograph: Photograph, kind: str, difficulty: Difficulty, covers: Sequence[Print]
) -> Iterator[Row]:
    started = time.process_time()
    analysed = analyse(photograph.pixels)
    analysis_cpu_s = time.process_time() - started
    for position, cover in enumerate(covers):
        started = time.process_time()
        evidence = gather_evidence(analysed, cover)
        cpu_s = time.process_time() - started
        is_true = kind == "album" and position == 0
        yield Row(
            photograph.generator,
            difficulty.name,
            kind,
            photograph.seed,
            is_true,
            None if evidence is None else features_of(evidence),
            _overlap(evidence, photograph) if is_true else 0.0,
            analysis_cpu_s,
            cpu_s,
        )


def _overlap(evidence: Evidence | None, photograph: Photograph) -> float:
    return 0.0 if evidence is None else overlap_of(evidence.quad, photograph.quad)


def write_rows(name: str, rows: Iterator[Row]) -> Path:
    """Write the rows, replacing the file of an earlier collection."""
    path = STATE / f"evidence-{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for row in rows:
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
    return path


def read_rows(name: str) -> list[Row]:
    """Return the rows of the latest collections whose names match a pattern.

    Raises:
        FileNotFoundError: nothing has been collected under such a name.
    """
    paths = sorted(STATE.glob(f"evidence-{name}.jsonl"))
    if not paths:
        raise FileNotFoundError(f"no evidence {name}: run `python -m benchmarks.identify collect` first")
    return [Row(**json.loads(line)) for path in paths for line in path.read_text().splitlines()]
