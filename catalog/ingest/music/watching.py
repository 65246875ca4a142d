"""Waits for changes in a music folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from watchfiles import Change, watch

from catalog.ingest.covers.embedded_pictures import AUDIO_SUFFIXES
from catalog.ingest.covers.file_names import SUFFIXES

#: Changes are collected until none follows for this time, because copying an album changes many files.
_QUIET_MS = 1000
#: The longest time for which changes are collected.
_COLLECTED_MS = 60_000
#: The time after which a wait for changes returns without any, so that the watch can begin before the first
#: ingest.
_TIMEOUT_MS = 500
#: The time between two looks at a folder that the system cannot watch, in seconds.
SCAN_EVERY_S = 60.0


def watch_folder(root: Path, *, on_fault: Callable[[str], None]) -> Iterator[None]:
    """Yield once at the start of the watch, and then after changes of audio files, pictures or folders.

    Changes during the processing of earlier changes are not lost. `on_fault` is called with the reason if the
    folder cannot be watched, for instance because a name is not UTF-8 or the system has no watches left; then
    this function yields every minute.
    """
    is_started = False
    try:
        for _ in _changes(root):
            is_started = True
            yield
    except (OSError, RuntimeError) as error:
        # The errors of the library that watches, which is written in Rust, are RuntimeErrors.
        on_fault(str(error))
    if not is_started:
        yield
    never = Event()
    while not never.wait(SCAN_EVERY_S):
        yield


def _changes(root: Path) -> Iterator[None]:
    changes = watch(
        root,
        watch_filter=_is_relevant,
        debounce=_COLLECTED_MS,
        step=_QUIET_MS,
        rust_timeout=_TIMEOUT_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    next(changes)
    yield
    for changed in changes:
        if changed:
            yield


def _is_relevant(_: Change, path: str) -> bool:
    """Return whether a path is, or may have been, an audio file, a picture or a folder."""
    file = Path(path)
    is_hidden = file.name.startswith(".")
    return not is_hidden and (file.suffix.lower() in AUDIO_SUFFIXES | {*SUFFIXES} or not file.is_file())
