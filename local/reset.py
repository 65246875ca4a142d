"""`make reset` removes the files that `make run` with the same STATE_DIR and PORT created.

Databases, generated covers, exported models and logs are removed; the next start recreates them. API keys,
and albums that a user has added, are lost.
"""

import shutil
import sys
from pathlib import Path

from common.errors import CoverSearchError
from local.options import own_environment
from local.processes.process_folder import running_process
from local.state_folder import state_errors, state_folder

_PARTS = ("redis", "postgres", "covers", "models", "gateway", "worker-*")


def main() -> int:
    """Remove the state; return 1 if a process still uses it or it cannot be removed, else 0."""
    try:
        state = state_folder(own_environment())
        with state_errors(state):
            return _remove_parts(state)
    except CoverSearchError as error:
        sys.stderr.write(f"reset: {error.detail}\n")
        return 1


def _remove_parts(state: Path) -> int:
    parts = [folder for folder in _folders(state) if any(map(folder.match, _PARTS))]
    running = [folder for folder in parts if running_process(folder) is not None]
    if running:
        sys.stderr.write(f"reset: a process runs from {running[0]}: stop the service first\n")
        return 1
    for folder in parts:
        shutil.rmtree(folder)
        sys.stdout.write(f"removed {folder}\n")
    if not parts:
        sys.stdout.write(f"nothing to remove in {state}\n")
    return 0


def _folders(state: Path) -> list[Path]:
    """Return the folders in the state folder; an error is raised, which `Path.glob` would ignore."""
    try:
        return sorted(entry for entry in state.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    sys.exit(main())
