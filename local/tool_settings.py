"""The settings with which the operators' tools use a running service, recorded in its state folder.

The record exists while the service runs. It contains passwords, so only this user can read it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from common.settings import is_given_as_empty
from local.processes.process_folder import live_process, write_private
from local.state_folder import TOOL_SETTINGS

#: The settings that decide which catalog, queue, model and thumbnail folder a tool uses, and what it reports.
NAMES = (
    "REDIS_URL",
    "CACHE_REDIS_URL",
    "DATABASE_URL",
    "SUPABASE_URL",
    "SUPABASE_KEY",
    "CLIP_MODEL",
    "MODEL_CACHE_DIR",
    "ENCODER",
    "ENCODER_PRECISION",
    "THUMBNAIL_DIR",
    "THUMBNAIL_REMOTE_COVERS",
    "PUBLIC_METADATA",
)


def record_tool_settings(state: Path, environ: Mapping[str, str]) -> None:
    """Record the settings of a service that this process runs with these environment variables."""
    settings = {
        name: environ[name] for name in NAMES if environ.get(name) or is_given_as_empty(name, environ)
    }
    process = psutil.Process()
    record = {"pid": process.pid, "started": process.create_time(), "settings": settings}
    write_private(state / TOOL_SETTINGS, json.dumps(record))


def forget_tool_settings(state: Path) -> None:
    """Remove the record."""
    (state / TOOL_SETTINGS).unlink(missing_ok=True)


def recorded_tool_settings(state: Path) -> Mapping[str, str] | None:
    """Return the settings of the service that runs from a state folder, or None if no service runs there."""
    record = _read(state)
    # The record can remain after the process that made it was killed.
    if record is None or live_process(record) is None:
        return None
    settings: Mapping[str, str] = record["settings"]
    return settings


def _read(state: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((state / TOOL_SETTINGS).read_text())
    # A service that was killed while it wrote the record leaves an incomplete file.
    except (FileNotFoundError, ValueError):
        return None
    return record
