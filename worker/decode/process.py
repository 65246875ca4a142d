"""One decoder process as the worker sees it: started, asked, ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from common.process_control import module_command, sigint_blocked_in_children
from worker.decode import wire

#: Python, Pillow, NumPy with its BLAS, what malloc keeps, and 12 bytes a pixel: samples, a premultiplied
#: copy, and a third for conversions.
_BASE_MEMORY_BYTES = 384 << 20
_MEMORY_BYTES_PER_PIXEL = 12
#: All that a child has of one, and so none of the worker's secrets.
_ENVIRONMENT = {
    # As many files are decoded at a time as there are decoders.
    "OPENBLAS_NUM_THREADS": "1",
    # What one picture took is kept for the next: glibc would return it, and getting its 2,000 pages anew
    # takes as long as decoding. Past the second value it is returned.
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}
_START_TIMEOUT_S = 30.0
_ERROR_MAX_BYTES = 4096
#: A process that has closed its socket is about to end.
_END_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What a decoder makes and what it may take; memory is that of its whole address space."""

    size_px: int
    max_pixels: int
    #: On one file.
    cpu_s: float
    #: What the kernel adds to a priority; a process of more gives way to one of less.
    niceness: int = 0

    @property
    def memory_bytes(self) -> int:
        """Return the limit on a decoder's address space."""
        return _BASE_MEMORY_BYTES + _MEMORY_BYTES_PER_PIXEL * self.max_pixels

    @property
    def reply_bytes(self) -> int:
        """Return the size of the longest reply."""
        return max(3 * self.size_px * self.size_px, _ERROR_MAX_BYTES)


class DecoderProcess:
    """A child that decodes one file at a time."""

    def __init__(self, limits: DecoderLimits) -> None:
        """Start the child and wait until it is ready.

        Raises:
            EOFError: it ended instead.
            OSError: it could not be started, or was not ready in time.
        """
        self._limits = limits
        self._channel, theirs = socket.socketpair()
        with theirs, sigint_blocked_in_children():
            numbers = (
                theirs.fileno(),
                limits.size_px,
                limits.max_pixels,
                limits.memory_bytes,
                round(limits.cpu_s * 1000),
                limits.niceness,
                os.getpid(),
            )
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*module_command("worker.decode.child"), *map(str, numbers)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT,
            )
        try:
            self._receive(deadline=time.monotonic() + _START_TIMEOUT_S)
        except (EOFError, OSError):
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Return the child's process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Tell whether the child is gone."""
        return self._process.poll() is not None

    def ran_out_of_cpu(self) -> bool:
        """Tell whether the kernel has ended the child for the CPU that its last file took."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_TIMEOUT_S) == -signal.SIGPROF
        return False

    def ask(self, data: bytes, *, deadline: float) -> tuple[bytes, bytearray]:
        """Have a file decoded by a moment of `time.monotonic`; returns a reply's kind and body.

        Raises:
            EOFError: the child died of it.
            OSError: it did not answer in time.
        """
        self._channel.settimeout(max(deadline - time.monotonic(), 1e-3))
        wire.send_request(self._channel, data)
        return self._receive(deadline=deadline)

    def _receive(self, *, deadline: float) -> tuple[bytes, bytearray]:
        return wire.receive_reply(self._channel, deadline=deadline, max_bytes=self._limits.reply_bytes)

    def end(self, *, grace_s: float = 0.0) -> None:
        """Close the socket, which ends an idle child; kill it after the grace."""
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._process.kill()
        self._process.wait()
