"""The folder of a child process, with its lock, its process id and its logs.

- `lock` is locked by the process that started the child.
- `child.json` contains the child's process id and start time, to find a child whose parent was killed.
- `server.log` contains the output of the child, and `server.log.1` the output of the previous child.
"""

import fcntl
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.regular_files import read_regular_file
from local.errors import ServerFailed

LOG_TAIL_LINES = 20


class ProcessRecord(BaseModel):
    """A process as recorded in a file: its id, and its start time, because ids are used again."""

    model_config = ConfigDict(strict=True, frozen=True)

    pid: Annotated[int, Field(gt=0)]
    started: float

    def live_process(self) -> psutil.Process | None:
        """Return the process, or None if it has ended."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


class ProcessFolder:
    """A folder that at most one process uses at a time."""

    def __init__(self, path: Path, *, name: str) -> None:
        self.path = path
        self.log_path = path / "server.log"
        self._name = name
        self._lock_fd: int | None = None

    def claim(self) -> None:
        """Lock the folder for this process.

        Raises:
            ServerFailed: the folder cannot be written to, or another live process has locked it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServerFailed(
                f"{self._name} cannot use the folder {self.path}: {error.strerror}; "
                "choose a folder that you can write to (STATE_DIR)"
            ) from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise ServerFailed(
                f"{self._name} already runs from {self.path}: "
                "stop that one, or choose another folder (STATE_DIR)"
            ) from error

    def release(self) -> None:
        """Unlock the folder; harmless if this process has not locked it."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def end_orphan(self, *, stop_signal: signal.Signals, grace_s: float) -> None:
        """End a child whose parent was killed, by SIGKILL if `stop_signal` has no effect in `grace_s`."""
        orphan = running_process(self.path)
        if orphan is None:
            return
        with suppress(psutil.NoSuchProcess):
            orphan.send_signal(stop_signal)
            try:
                orphan.wait(grace_s)
            except psutil.TimeoutExpired:
                orphan.kill()
                orphan.wait(grace_s)

    def rotate_log(self) -> None:
        """Rename the previous log to `server.log.1`."""
        with suppress(FileNotFoundError):
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def record(self, pid: int) -> None:
        """Record the process id and start time of the child."""
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(pid).create_time()
            record = ProcessRecord(pid=pid, started=started)
            _record_path(self.path).write_text(record.model_dump_json())

    def forget_process(self) -> None:
        """Remove the recorded process id."""
        _record_path(self.path).unlink(missing_ok=True)

    def with_log_tail(self, sentence: str) -> str:
        """Return the sentence followed by the end of the log."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"{sentence}; the end of {self.log_path}:", *(f"  {line}" for line in lines)])


def running_process(folder: Path) -> psutil.Process | None:
    """Return the process that was last started from a folder, or None if that process has ended."""
    try:
        record = ProcessRecord.model_validate_json(read_regular_file(_record_path(folder)))
    except (FileNotFoundError, ValidationError):
        return None
    return record.live_process()


def write_private(file: Path, content: str) -> None:
    """Write a file that only this user can read, replacing an existing file."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(content)


def _record_path(folder: Path) -> Path:
    return folder / "child.json"
