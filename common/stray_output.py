"""What is written to standard output and error past the logger, as log records; prints of C libraries too.

    any library ──► file descriptors 1 and 2 ──► pipe ──► a thread ──► logger `output`
    the logger  ─────────────────────────────────────────────────────► where 2 led before

Child processes that inherit the descriptors are heard as well.
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

#: Longer lines are told in pieces.
LINE_MAX_BYTES = 2000
_STANDARD = (1, 2)
_FLUSH_S = 1.0


def capture_output(configure: Callable[[TextIO], None]) -> None:
    """Turn the process's standard output and error into log records.

    `configure` sets logging up to write to the stream that it is given, where standard error led before. It
    is called before anything is read: a record written to standard error would be read and logged for ever.

    Called by entry points alone. A crash is still reported where standard error led, because the process does
    not live to read its own pipe.
    """
    kept = os.dup(2)
    stream = TextIOWrapper(os.fdopen(kept, "wb", buffering=0), write_through=True)
    faulthandler.enable(kept)
    reading, writing = os.pipe()
    for descriptor in _STANDARD:
        os.dup2(writing, descriptor)
    os.close(writing)
    reader = threading.Thread(target=_relay, args=(reading,), name="output", daemon=True)
    configure(stream)
    reader.start()
    atexit.register(_release, kept, reader)


def _release(kept: int, reader: threading.Thread) -> None:
    """Let the last lines be read, and give the descriptors back."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for descriptor in _STANDARD:
        os.dup2(kept, descriptor)
    # A child that still runs keeps the pipe open.
    reader.join(_FLUSH_S)


def _relay(reading: int) -> None:
    rest = b""
    while chunk := os.read(reading, 65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _tell(line)
        while len(rest) > LINE_MAX_BYTES:
            _tell(rest[:LINE_MAX_BYTES])
            rest = rest[LINE_MAX_BYTES:]
    _tell(rest)


def _tell(line: bytes) -> None:
    text = line.decode(errors="replace").strip()
    if text:
        log.warning("%s", text[:LINE_MAX_BYTES])
