"""Write the test library to a folder, and its manifest beside it: `python -m tests.music_library FOLDER`."""

import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.music_library.library import write_library


def main() -> None:
    """Write the library and the manifest."""
    root = Path(sys.argv[1])
    manifest = write_library(root)
    path = root.with_name(f"{root.name}-manifest.json")
    path.write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
    sys.stdout.write(f"{len(manifest.albums)} albums in {root}; the manifest is {path}\n")


if __name__ == "__main__":
    main()
