"""One child server process: its folder, its lock, its log, its start and its end.

A server's folder holds `lock` (held for as long as somebody runs it), `child.json` (which process
it is, so that one orphaned by a killed parent is found and ended), `server.log` and `server.log.1`.

On Linux a child is ended by the kernel when its parent is killed. That means the thread that started it:
one thread starts them all.
"""

import fcntl
import functools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from common.errors import CoverSearchError
from local.processes.run_as import OURSELVES, Identity

LOG_TAIL_LINES = 20
POLL_S = 0.02
#: A port that was free a moment ago may be taken by now, and a killed PostgreSQL's shared memory stays
#: busy until the last of its processes is gone.
START_ATTEMPTS = 3


class ServerFailed(CoverSearchError):
    """A server did not start, or its folder is in use."""

    code = "server_failed"


@functools.cache
def _starting_thread() -> ThreadPoolExecutor:
    """Return the thread, which lives as long as the process, that starts every child."""
    return ThreadPoolExecutor(1, thread_name_prefix="starts children")


class ChildProcess:
    """At most one process of one server, in a session of its own.

    A Ctrl-C at the terminal reaches the whole foreground process group; a server outside of it is
    ended by its owner, in the owner's order.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        stop_signal: signal.Signals,
        stop_grace_s: float,
        death_signal: signal.Signals | None = None,
    ) -> None:
        """Take what ends it; `death_signal`, by default the same as ever, is for when its owner is killed."""
        self.name = name
        self.folder = folder
        self.log_path = folder / "server.log"
        self._stop_signal = stop_signal
        self._death_signal = death_signal or stop_signal
        self._stop_grace_s = stop_grace_s
        self._lock_fd: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_status: int | None = None
        self._is_called_off = threading.Event()

    @property
    def status(self) -> int | None:
        """The exit status of a process that has ended, negative for a signal."""
        return self._ended_status if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def claim(self) -> None:
        """Take the folder for this process and end a server that a killed owner left in it.

        Raises:
            ServerFailed: the folder is another user's, or another live process has it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise ServerFailed(
                f"{self.name} cannot use {self.folder}, which belongs to another user: "
                "run as that user, or choose another folder"
            ) from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release()
            raise ServerFailed(
                f"{self.name} already runs from {self.folder}: "
                "stop that one, or choose another folder (STATE_DIR)"
            ) from error
        self._end_orphan()

    def start(
        self,
        command: Callable[[], Sequence[str]],
        *,
        ready: Callable[[], bool],
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        identity: Identity = OURSELVES,
    ) -> None:
        """Start what `command` returns and poll until it is ready; a failed start is tried again.

        Raises:
            ServerFailed: it exited, the time is up, or the start was called off; the log's tail is
                in the message.
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            self._check_wanted()
            self._spawn(command(), env=env, identity=identity)
            try:
                self._wait_until(ready, timeout_s=timeout_s)
            except ServerFailed:
                self.end()
                if attempt == START_ATTEMPTS or self._is_called_off.is_set():
                    raise
            else:
                return

    def call_off(self) -> None:
        """Make a start that another thread is in, or comes to, fail soon; `stop` is for when it has."""
        self._is_called_off.set()

    def respawn(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start a process in the place of one that has ended, without waiting until it is ready."""
        self.end()
        self._spawn(command, env=env, identity=OURSELVES)

    def _spawn(self, command: Sequence[str], *, env: Mapping[str, str] | None, identity: Identity) -> None:
        with suppress(FileNotFoundError):
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        self._process = _starting_thread().submit(self._popen, command, env, identity).result()
        self._record()

    def _popen(
        self, command: Sequence[str], env: Mapping[str, str] | None, identity: Identity
    ) -> "subprocess.Popen[bytes]":
        with self.log_path.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - commands are built by this package
                identity.applied_to(command, death_signal=self._death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                # The owner's working directory may be closed to the server's user.
                cwd="/",
                start_new_session=True,
            )

    def _wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready():
            self._check_wanted()
            if not self.running:
                raise ServerFailed(self._with_log(f"{self.name} exited while starting"))
            if time.monotonic() > deadline:
                raise ServerFailed(self._with_log(f"{self.name} was not ready within {timeout_s:g} s"))
            self._is_called_off.wait(POLL_S)

    def _check_wanted(self) -> None:
        if self._is_called_off.is_set():
            raise ServerFailed(f"the start of {self.name} was called off")

    def end(self) -> None:
        """End the process, first gently, and keep the folder."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(self._stop_grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._ended_status = self._process.returncode
        self._process = None
        (self.folder / "child.json").unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill the process without a word, as the kernel does when memory runs out."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the process and give the folder back; harmless when nothing runs."""
        self.end()
        self._release()
        self._is_called_off.clear()

    def _with_log(self, sentence: str) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"{sentence}; the end of {self.log_path}:", *(f"  {line}" for line in lines)])

    def _record(self) -> None:
        assert self._process is not None  # noqa: S101 - called right after the start
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._process.pid).create_time()
            record = {"pid": self._process.pid, "started": started}
            (self.folder / "child.json").write_text(json.dumps(record))

    def _end_orphan(self) -> None:
        orphan = running_process(self.folder)
        if orphan is None:
            return
        with suppress(psutil.NoSuchProcess):
            orphan.send_signal(self._stop_signal)
            try:
                orphan.wait(self._stop_grace_s)
            except psutil.TimeoutExpired:
                orphan.kill()
                orphan.wait(self._stop_grace_s)

    def _release(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def running_process(folder: Path) -> psutil.Process | None:
    """Return the process that was started last from a server's folder, None where it has ended."""
    try:
        record = json.loads((folder / "child.json").read_text())
        process = psutil.Process(record["pid"])
        if process.create_time() == record["started"] and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    return None


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
