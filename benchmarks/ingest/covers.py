"""Create a table and a folder of covers to ingest, which are kept between runs."""

import csv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients.pictures import distinct, jpeg
from benchmarks.harness.benchmark_context import STATE

SIDE_PX = 640
#: The number of different pictures; each cover is a file of its own that contains one of these pictures.
DRAWN = 16


@dataclass(frozen=True, slots=True)
class Material:
    """The path of a table of albums, and the folder of their covers."""

    table: Path
    covers: Path


def material(count: int) -> Material:
    """Return a table with this many albums, and their covers; create both if they are missing."""
    folder = STATE / f"ingest-{count}"
    made = Material(folder / "albums.csv", folder / "covers")
    if made.table.exists():
        return made
    made.covers.mkdir(parents=True, exist_ok=True)
    drawn = [jpeg(SIDE_PX, SIDE_PX, seed=seed) for seed in range(DRAWN)]
    for number in range(count):
        (made.covers / f"cover-{number}.jpg").write_bytes(distinct(drawn[number % DRAWN], number))
    unfinished = made.table.with_suffix(".part")
    with unfinished.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "artist", "album_name", "genre", "release_year"])
        writer.writerows(
            [f"cover-{n}", f"Artist {n % 50}", f"Album {n}", "Rock", 1967 + n % 50] for n in range(count)
        )
    unfinished.replace(made.table)
    return made
