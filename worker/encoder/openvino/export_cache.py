"""The cache of exported models, which workers share: one folder per model, numeric mode and machine type.

    <cache_dir>/openvino/<fingerprint>-<graph version>-<machine>/
        image.xml image.bin text.xml text.bin tokenizer.json encoder.json

An entry is written to a temporary folder that is then renamed, so that the entry is either complete or
absent. A lock file ensures that one worker creates an entry while other workers wait for it.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from common.errors import ModelUnavailable
from common.processes.child_processes import module_command
from worker.encoder.model_files import ModelSource

log = logging.getLogger(__name__)

#: The version of the export; it must be increased whenever the exported graphs or an entry's files change.
GRAPH_VERSION = 4
#: The exit status of an export that refuses an unsuitable checkpoint and prints the reason to standard
#: output.
EXPORT_REFUSED = 3
#: The maximum duration of an export in seconds; exporting a ViT-B/32 takes ten seconds on two cores.
_EXPORT_TIMEOUT_S = 600.0


def exported(source: ModelSource, *, cache_dir: Path, int8: bool = False) -> Path:
    """Return the folder of a model's cache entry; if there is no entry, export the model first.

    Raises:
        ModelUnavailable: the checkpoint is unsuitable, or the entry cannot be written.
    """
    fingerprint = source.fingerprint_in("int8") if int8 else source.fingerprint
    entry = cache_dir.expanduser() / "openvino" / f"{fingerprint[:32]}-{GRAPH_VERSION}-{_machine()}"
    if entry.is_dir():
        return entry
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with _lock(entry.with_suffix(".lock")):
            if not entry.is_dir():
                _make(source, entry, int8=int8)
    except OSError as error:
        raise ModelUnavailable(f"the exported model cannot be written to {entry.parent}: {error}") from error
    return entry


def _machine() -> str:
    """Return a hash of OpenVINO's version and the CPU type, which becomes part of an entry's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # systems other than Linux have no /proc/cpuinfo
        lines = [platform.processor()]
    about = (
        sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}) or lines[:1]
    )
    facts = "\n".join([platform.machine(), version("openvino"), *about])
    return hashlib.sha256(facts.encode()).hexdigest()[:8]


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    # The kernel releases the lock when the process that holds it ends, so a killed worker does not block
    # other workers.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(source: ModelSource, entry: Path, *, int8: bool) -> None:
    partial = entry.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by an export that was killed
    partial.mkdir()
    log.info(
        "exporting the model for the openvino encoder", extra={"model": source.name, "entry": str(entry)}
    )
    try:
        _run_export(source, partial, int8=int8)
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run_export(source: ModelSource, folder: Path, *, int8: bool) -> None:
    command = [
        *module_command("worker.encoder.openvino.export"),
        str(source.folder.resolve()),
        str(folder.resolve()),
        f"--parent={os.getpid()}",
    ]
    command += ["--int8"] * int8
    try:
        # The export runs in a separate process, so that its memory (the weights and possibly torch) is freed
        # when it ends.
        done = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, text=True, timeout=_EXPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelUnavailable(
            f"exporting {source.name} took longer than {_EXPORT_TIMEOUT_S:.0f} s"
        ) from error
    if done.returncode == EXPORT_REFUSED:
        raise ModelUnavailable(done.stdout.strip())
    if done.returncode < 0:
        raise ModelUnavailable(
            f"exporting {source.name} was killed by signal {-done.returncode}; 9 mostly means out of memory"
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelUnavailable(f"exporting {source.name} failed: {reason}")
