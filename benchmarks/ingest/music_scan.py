"""Compare the first scan of a music library with a plain loop over tinytag that uses all processor cores."""

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.interleaving import QUIET_S
from benchmarks.harness.measured_figure import Figure
from benchmarks.paths import ROOT
from catalog.demo.albums import demo_albums
from common.processes.child_processes import module_command
from tests.music_library.containers import FORMATS
from tests.music_library.writer import cover_of, tags_of

NAMES = ("ingest.music.scan_ratio", "ingest.music.memory_growth")
TRACKS_PER_ALBUM = 10
#: The number of different albums and covers; names and covers of further albums differ by their ends.
_DIFFERENT = 16


@dataclass(frozen=True, slots=True)
class _Run:
    """What a process needed to read a library."""

    wall_s: float
    cpu_s: float
    memory_mib: float


def measure(bench: Bench) -> Iterator[Figure]:
    """Scan a library alternately with the plain loop, and then scan a library of a tenth of the size."""
    albums = bench.pick(10_000, 100)
    library, small = music_library(albums), music_library(albums // 10)
    rounds = [(_run("scan", library), _run("loop", library)) for _ in range(bench.pick(5, 1))]
    scans, loops = zip(*rounds, strict=True)
    cpu = statistics.median(scan.cpu_s / loop.cpu_s for scan, loop in rounds)
    note = (
        f"{albums * TRACKS_PER_ALBUM} tracks in {albums} albums, with the first cover of each folder, in "
        f"{_median(scans, 'wall_s'):.1f} s; tinytag alone reads tags and pictures in "
        f"{_median(loops, 'wall_s'):.1f} s; ratio of CPU time {cpu:.2f}"
    )
    yield Figure(NAMES[0], statistics.median(scan.wall_s / loop.wall_s for scan, loop in rounds), note)
    after, before = _median(scans, "memory_mib"), _run("scan", small).memory_mib
    sizes = f"{before:.0f} MiB with {albums // 10} albums, {after:.0f} MiB with {albums} albums"
    yield Figure(NAMES[1], after - before, f"the scanning process has {sizes}")


def music_library(albums: int) -> Path:
    """Return a folder with this many albums in eight formats; create the folder if it is missing.

    Every second album has embedded covers, the others have a cover file.
    """
    root = STATE / f"music-{albums}"
    if root.exists():
        return root
    unfinished = root.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    drawn = demo_albums(_DIFFERENT)
    covers = [cover_of(album) for album in drawn]
    for number in range(albums):
        suffix, write_file = list(FORMATS.items())[number % len(FORMATS)]
        # Bytes after the end of a JPEG do not change the picture.
        cover = covers[number % _DIFFERENT] + number.to_bytes(4, "big")
        album = replace(drawn[number % _DIFFERENT], album_name=f"Album {number}")
        folder = unfinished / f"Artist {number // 20}" / album.album_name
        folder.mkdir(parents=True)
        is_embedded = number % 2 == 0
        for track in range(1, TRACKS_PER_ALBUM + 1):
            tags = tags_of(album, track, cover=cover if is_embedded else None)
            (folder / f"{track:02}{suffix}").write_bytes(write_file(tags))
        if not is_embedded:
            (folder / "cover.jpg").write_bytes(cover)
    return unfinished.rename(root)


def _median(runs: tuple[_Run, ...], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))


def _run(side: str, library: Path) -> _Run:
    """Run one side in a process of its own, after a short pause."""
    time.sleep(QUIET_S)
    command = [*module_command("benchmarks.ingest.read_music"), side, str(library)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return _Run(**json.loads(done.stdout))
