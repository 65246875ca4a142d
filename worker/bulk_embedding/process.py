"""Starts the bulk embedding process when the first batch arrives, and sends it one batch at a time."""

import os
import socket
import subprocess
import threading
from collections.abc import Sequence

from common.broker.bulk_embedding_messages import BulkCover, BulkReply, pack_covers, unpack_reply
from common.processes.child_processes import module_command, sigint_blocked_in_children
from common.settings import Settings
from worker.bulk_embedding.wire import receive_frame, send_frame

#: The maximum time in seconds to wait for a reply; it is long because searches take CPU time from the bulk
#: process.
REPLY_TIMEOUT_S = 600.0
#: The maximum time in seconds to wait for a killed child to end.
_END_S = 5.0
#: The settings that the child needs to load the model; none of them is secret.
_SETTINGS = (
    "clip_model",
    "model_cache_dir",
    "encoder",
    "device",
    "encoder_threads",
    "cuda_graphs",
    "fixed_latency_ms",
    "max_image_pixels",
)
_INHERITED = ("PATH", "HOME", "HF_HOME", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")


class BulkDied(Exception):
    """The bulk process ended during a batch, or did not answer in time."""


class BulkProcess:
    """A worker's child process for bulk embedding; thread-safe, and processes one batch at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Return the child's process id, or None if the child does not run."""
        return None if self._child is None or self._child.poll() is not None else self._child.pid

    def ask(self, covers: Sequence[BulkCover]) -> BulkReply:
        """Return the embeddings of a batch of covers.

        Raises:
            BulkDied: the child ended during the batch, or could not load the model.
        """
        with self._turn:
            try:
                channel = self._running()
                send_frame(channel, pack_covers(covers))
                return unpack_reply(receive_frame(channel))
            except (EOFError, OSError, ValueError) as error:
                self._end()
                reason = str(error) or type(error).__name__
                raise BulkDied(f"the bulk process ended over a batch ({reason})") from error

    def close(self) -> None:
        """End the child; a running batch fails."""
        self._end()

    def _running(self) -> socket.socket:
        if self.pid is not None and self._channel is not None:
            return self._channel
        self._end()
        ours, theirs = socket.socketpair()
        with theirs, sigint_blocked_in_children():
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [*module_command("worker.bulk_embedding.child"), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self._environment(),
            )
        ours.settimeout(REPLY_TIMEOUT_S)
        self._channel = ours
        return ours

    def _environment(self) -> dict[str, str]:
        given = {name.upper(): str(getattr(self._settings, name)) for name in _SETTINGS}
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return inherited | given

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._child is not None:
            self._child.kill()
            # On a busy machine, a killed process with idle priority may end only minutes later.
            ending = threading.Thread(target=self._child.wait, name="bulk end", daemon=True)
            ending.start()
            ending.join(_END_S)
        self._child = self._channel = None
