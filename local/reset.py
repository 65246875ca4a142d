"""Removes the files that the service on this machine created with the same STATE_DIR, PORT and MUSIC.

Databases, generated covers, thumbnails, exported models and logs are removed; the next start recreates them.
API keys, and albums that a user has added, are lost.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import CoverSearchError
from common.processes.program_name import command_name
from local.music import REPORT_FILE, STATE_FILE
from local.options import THUMBNAILS, own_environment
from local.processes.child_process_folder import running_process
from local.state_folder import TOOL_SETTINGS, URL_RECORD, shared_folder, state_errors, state_folder

_FOLDERS = ("redis", "postgres", "covers", THUMBNAILS, "models", "gateway", "worker-*")
_FILES = (URL_RECORD, TOOL_SETTINGS, REPORT_FILE, *(f"{STATE_FILE}{end}" for end in ("", "-wal", "-shm")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 1 if a process still runs from the folder, or it cannot be removed."""
    name = command_name("reset", module="local.reset")
    argparse.ArgumentParser(prog=name, description=__doc__).parse_args(arguments)
    environ = own_environment()
    try:
        state = state_folder(environ)
        with state_errors(state):
            status = _remove_parts(state)
            if not environ.get("STATE_DIR"):
                _remove_empty(state)
                _remove_empty(shared_folder(environ))
            return status
    except CoverSearchError as error:
        sys.stderr.write(f"reset: {error.detail}\n")
        return 1


def _remove_parts(state: Path) -> int:
    entries = _entries(state)
    folders = [entry for entry in entries if entry.is_dir() and any(map(entry.match, _FOLDERS))]
    files = [entry for entry in entries if entry.is_file() and entry.name in _FILES]
    running = [folder for folder in folders if running_process(folder) is not None]
    if running:
        sys.stderr.write(f"reset: a process runs from {running[0]}: stop the service first\n")
        return 1
    for folder in folders:
        shutil.rmtree(folder)
    for file in files:
        file.unlink()
    for removed in (*folders, *files):
        sys.stdout.write(f"removed {removed}\n")
    if not (folders or files):
        sys.stdout.write(f"nothing to remove in {state}\n")
    return 0


def _entries(folder: Path) -> list[Path]:
    """Return what a folder contains; an error is raised, which `Path.glob` would ignore."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not _entries(folder):
        folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
