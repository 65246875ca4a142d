"""Captures standard output and standard error as log records, including the output of C libraries.

    any library ──► file descriptors 1 and 2 ──► pipe ──► a thread ──► logger `output`
    the logger  ─────────────────────────────────────────────────────► the original standard error

The output of child processes that inherit the descriptors is captured, too.
"""

import atexit
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO

log = logging.getLogger("output")

#: Maximum number of bytes of captured output in one log record; a longer line is split into several records.
LINE_MAX_BYTES = 2000
_STANDARD = (1, 2)
_FLUSH_S = 1.0


def capture_output(configure: Callable[[TextIO], None]) -> None:
    """Redirect the process's standard output and standard error to the log.

    `configure` must make logging write to the stream that it receives, which is the original standard error.
    If logging wrote to the new standard error, each log record would be captured and logged again, endlessly.

    Only entry points call this function. A crash report still goes to the original standard error, because a
    crashed process cannot read its own pipe.
    """
    original = os.dup(2)
    stream = TextIOWrapper(os.fdopen(original, "wb", buffering=0), write_through=True)
    faulthandler.enable(original)
    reading, writing = os.pipe()
    for descriptor in _STANDARD:
        os.dup2(writing, descriptor)
    os.close(writing)
    reader = threading.Thread(target=_relay, args=(reading,), name="output", daemon=True)
    configure(stream)
    reader.start()
    atexit.register(_restore, original, reader)


def _restore(original: int, reader: threading.Thread) -> None:
    """Restore the file descriptors, and wait until the last lines are logged."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for descriptor in _STANDARD:
        os.dup2(original, descriptor)
    # Waiting has a timeout, because a child process that is still running keeps the pipe open.
    reader.join(_FLUSH_S)


def _relay(reading: int) -> None:
    incomplete = b""
    while chunk := os.read(reading, 65_536):
        *lines, incomplete = (incomplete + chunk).split(b"\n")
        for line in lines:
            _log_line(line)
        while len(incomplete) > LINE_MAX_BYTES:
            _log_line(incomplete[:LINE_MAX_BYTES])
            incomplete = incomplete[LINE_MAX_BYTES:]
    _log_line(incomplete)


def _log_line(line: bytes) -> None:
    text = line.decode(errors="replace").strip()
    if text:
        log.warning("%s", text[:LINE_MAX_BYTES])
