"""Read a music library, and print the time and the memory as JSON.

python -m benchmarks.ingest.read_music {scan,loop} FOLDER

`scan` is the first scan of an ingest, up to the first album. `loop` is a short program that reads the tags
and the pictures of the same files with tinytag on all cores.
"""

import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tinytag import TinyTag

from catalog.ingest.music.library import open_library

_CHUNK = 100


def scan(root: Path) -> int:
    """Return the number of albums that a first scan finds."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "music.sqlite"
        with open_library(root, state=state, max_image_bytes=10 << 20) as library:
            library.find_files(may_be_empty=False, while_walking=lambda _: None)
            library.read_changed_files(advance=lambda _: None)
            return library.album_count


def loop(root: Path) -> int:
    """Return the number of files that tinytag reads."""
    paths = [
        f"{folder}/{name}"
        for folder, _, names in os.walk(root)
        for name in names
        if TinyTag.is_supported(name)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return sum(1 for _ in pool.map(_tags, paths, chunksize=_CHUNK))


def _tags(path: str) -> dict[str, str | float | list[str]]:
    return TinyTag.get(path, duration=False, image=True).as_dict()


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_memory_mib() -> float:
    # Not `ru_maxrss`, which includes the memory of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main(side: str, root: str) -> None:
    """Read the library and print what it took."""
    began, began_cpu_s = time.perf_counter(), _cpu_s()
    found = (scan if side == "scan" else loop)(Path(root))
    assert found
    measured = {
        "wall_s": time.perf_counter() - began,
        "cpu_s": _cpu_s() - began_cpu_s,
        "memory_mib": _peak_memory_mib(),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
