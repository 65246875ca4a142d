"""The process that loads a folder of music into the catalog of a running stack, and follows its changes."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.processes.child_processes import module_command
from local.processes.spawn import bound_command

#: The names of the library's state file, and of its report, in the state folder of a stack.
STATE_FILE, REPORT_FILE = "music.sqlite", "music-rejected.csv"
_STOP_S = 10.0


@contextmanager
def loading_music(root: Path, *, state: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Load a folder of music while the `with` block runs; the process prints its progress to the terminal."""
    command = [
        *module_command("catalog"),
        "ingest",
        *("--music", str(root), "--state", str(state / STATE_FILE), "--report", str(state / REPORT_FILE)),
        # The workers embed the covers, so that the model is in memory once.
        *("--distributed", "--watch", "--prune"),
    ]
    # The process has its own session, because Ctrl-C must reach only this process, which stops all others.
    # `bound_command` also ends the process if this one is killed.
    loading = subprocess.Popen(  # noqa: S603 - the command is built by this module
        bound_command(command, death_signal=signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # The ingest handles SIGTERM as Ctrl-C, and reports that it was interrupted.
        loading.terminate()
        try:
            loading.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            loading.kill()
            loading.wait()
