"""The settings with which the operators' tools use a running service, recorded in its state folder.

The record exists while the service runs. It contains passwords, so only this user can read it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import AfterValidator, ValidationError

from common.regular_files import read_regular_file
from common.settings import is_given_as_empty
from local.processes.child_process_folder import ProcessRecord, write_private
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


def _known(name: str) -> str:
    # A shell runs the printed names, so a name of another form could be a command.
    if name not in NAMES:
        raise ValueError("no setting of a tool")
    return name


class _Record(ProcessRecord):
    settings: dict[Annotated[str, AfterValidator(_known)], str]


def record_tool_settings(state: Path, environ: Mapping[str, str]) -> None:
    """Record the settings of a service that this process runs with these environment variables."""
    settings = {
        name: environ[name] for name in NAMES if environ.get(name) or is_given_as_empty(name, environ)
    }
    process = psutil.Process()
    record = _Record(pid=process.pid, started=process.create_time(), settings=settings)
    write_private(state / TOOL_SETTINGS, record.model_dump_json())


def forget_tool_settings(state: Path) -> None:
    """Remove the record."""
    (state / TOOL_SETTINGS).unlink(missing_ok=True)


def recorded_tool_settings(state: Path) -> Mapping[str, str] | None:
    """Return the settings of the service that runs from a state folder, or None if no service runs there.

    Raises:
        OSError: the record cannot be read.
    """
    try:
        record = _Record.model_validate_json(read_regular_file(state / TOOL_SETTINGS))
    # A service that was killed while it wrote the record leaves an incomplete file.
    except (FileNotFoundError, ValidationError):
        return None
    # The record can remain after the process that made it was killed.
    return None if record.live_process() is None else record.settings
