"""A table and a folder of covers to ingest, made once and kept."""

import csv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients.pictures import distinct, jpeg
from benchmarks.harness.bench import STATE

SIDE_PX = 640
#: The number of drawn pictures; covers repeat them, each as a different file.
DRAWN = 16


@dataclass(frozen=True, slots=True)
class Material:
    """An operator's table and folder."""

    table: Path
    covers: Path


def material(count: int) -> Material:
    """Return a table of this many albums with their covers."""
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
