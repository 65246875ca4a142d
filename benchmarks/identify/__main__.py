"""Measures identification offline: `python -m benchmarks.identify collect|fit|judge|queries`.

`collect` takes photographs with one camera and keeps their evidence; `fit` fits the decision on what a camera
collected, and `judge` reports it on what the other camera collected. `queries` runs whole queries with the
demo's model on a catalog of the demo.
"""

import argparse
import dataclasses
from collections.abc import Iterator

import numpy as np
from PIL import Image

from benchmarks.identify.catalog import (
    OUTSIDERS_FITTED_SEED,
    OUTSIDERS_JUDGED_SEED,
    Catalog,
    decoy_of,
    demo_encoder,
    drawn,
    load_catalog,
)
from benchmarks.identify.difficulty import DIFFICULTIES
from benchmarks.identify.evidence_table import CAMERAS, collect, read_rows, write_rows
from benchmarks.identify.fitting import fit, save
from benchmarks.identify.queries import Identifier, Query
from benchmarks.identify.report import query_lines, verification_lines
from catalog.demo.albums import demo_albums
from catalog.demo.photo_distortions import rephotograph
from worker.identify.decision import load_calibration
from worker.prints.cover_print import make_print

#: The seeds of photographs that parameters are fitted on and judged on never overlap.
_FITTED_SEED, _JUDGED_SEED = 10_000, 20_000
#: The demo catalog is judged; its covers are not fitted on.
_FITTED_ALBUMS_SEED = 1968


def main() -> None:
    """Run the command in the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identify", description=__doc__)
    parser.add_argument("command", choices=("collect", "fit", "judge", "queries"))
    parser.add_argument("--camera", choices=tuple(CAMERAS), default="warping")
    parser.add_argument("--albums", type=int, default=2000)
    parser.add_argument("--photographs", type=int, default=300, help="of albums; as many show decoys")
    parser.add_argument("--start", type=int, default=0, help="the first photograph, to split a collection")
    parser.add_argument("--judged", action="store_true", help="collect with the seeds that are judged on")
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments)


def _collect(arguments: argparse.Namespace) -> None:
    start, end = arguments.start, arguments.start + arguments.photographs
    albums = demo_albums(end, seed=1967 if arguments.judged else _FITTED_ALBUMS_SEED)[start:]
    outsiders = demo_albums(
        (start + end) // 2, seed=OUTSIDERS_JUDGED_SEED if arguments.judged else OUTSIDERS_FITTED_SEED
    )[start:]
    prints = [make_print(drawn(album)) for album in albums]
    first_seed = (_JUDGED_SEED if arguments.judged else _FITTED_SEED) + start
    rows = collect(albums, prints, outsiders, camera=arguments.camera, first_seed=first_seed, rivals=4)
    name = f"{arguments.camera}-{'judged' if arguments.judged else 'fitted'}-{start:05d}"
    print(f"wrote {write_rows(name, rows)}")


def _fit(arguments: argparse.Namespace) -> None:
    rows = read_rows(f"{arguments.camera}-fitted-*")
    calibration = fit(rows)
    photographs = len({(row.kind, row.seed) for row in rows})
    save(calibration, fitted_on=f"{photographs} photographs of the camera {arguments.camera}")
    print(dataclasses.asdict(calibration))
    print("\n".join(verification_lines(rows, calibration)))


def _judge(arguments: argparse.Namespace) -> None:
    print("\n".join(verification_lines(read_rows(f"{arguments.camera}-judged-*"), load_calibration())))


def _queries(arguments: argparse.Namespace) -> None:
    encoder = demo_encoder()
    catalog = load_catalog(encoder, count=arguments.albums)
    identifier = Identifier(catalog, encoder, load_calibration())
    print(f"index of points: {identifier.index.size_bytes / 1e6:.1f} MB")
    for name, queries in _photographed(identifier, catalog, arguments):
        print("\n".join(query_lines(name, queries)), flush=True)


def _photographed(
    identifier: Identifier, catalog: Catalog, arguments: argparse.Namespace
) -> Iterator[tuple[str, list[Query]]]:
    """Yield the queries of each difficulty, of decoys and outsiders, and of `rephotograph`."""
    count, camera = arguments.photographs, CAMERAS[arguments.camera]
    albums = demo_albums(len(catalog.prints))
    numbers = np.random.default_rng(_JUDGED_SEED).permutation(len(albums))[:count].tolist()
    for difficulty in DIFFICULTIES:
        shots = ((n, camera(drawn(albums[n]), difficulty=difficulty, seed=_JUDGED_SEED + n)) for n in numbers)
        yield difficulty.name, [identifier.ask(p.pixels, truth=n, quad=p.quad) for n, p in shots]
    turned = (
        (n, np.asarray(rephotograph(Image.fromarray(drawn(albums[n])), seed=_JUDGED_SEED + n)))
        for n in numbers
    )
    yield "rephotograph", [identifier.ask(pixels, truth=n) for n, pixels in turned]
    outsiders = demo_albums(count, seed=OUTSIDERS_JUDGED_SEED)
    decoys = [decoy_of(albums[n], seed=_JUDGED_SEED) for n in numbers]
    for name, shown in (("outsiders", outsiders), ("decoys", decoys)):
        pixels = (
            camera(drawn(album), difficulty=DIFFICULTIES[n % 3], seed=2 * _JUDGED_SEED + n).pixels
            for n, album in enumerate(shown)
        )
        yield name, [identifier.ask(each, truth=None) for each in pixels]


COMMANDS = {"collect": _collect, "fit": _fit, "judge": _judge, "queries": _queries}

if __name__ == "__main__":
    main()
