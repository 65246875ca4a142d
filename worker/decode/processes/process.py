"""Starts one decoder process, sends files to it and ends it."""

import contextlib
import os
import socket
import subprocess
import time
from dataclasses import dataclass

from common.processes.child_processes import module_command, sigint_blocked_in_children
from worker.decode.processes import wire_format

#: The memory limit of a decoder is the sum of two parts: a base for Python, Pillow, NumPy with its BLAS and
#: malloc's cache, and 12 bytes per pixel for three copies of the samples (original, premultiplied,
#: converted). A WebP at the pixel limit and its thumbnails take 981 MiB together, with 50 million pixels.
_BASE_MEMORY_BYTES = 432 << 20
_MEMORY_BYTES_PER_PIXEL = 12
#: All environment variables of a decoder, which must not include any of the worker's secrets.
_ENVIRONMENT = {
    # BLAS uses a single thread, because several decoder processes run in parallel.
    "OPENBLAS_NUM_THREADS": "1",
    # These thresholds make glibc keep freed memory for the next picture. By default, glibc returns freed
    # memory to the kernel, and allocating the 2,000 memory pages for the next picture takes as long as
    # decoding it.
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}
_START_TIMEOUT_S = 30.0
_ERROR_MAX_BYTES = 4096
#: The additional memory of a decoder that makes prints: the libraries of OpenCV, and the images of all scales
#: in which points are searched.
_PRINTS_MEMORY_BYTES = 256 << 20
#: The maximum size of the print and all thumbnails of a cover; thumbnails of noise take 0.2 MB.
_FILES_MAX_BYTES = 2 << 20
#: The maximum number of seconds to wait for a decoder to end after it has closed its socket.
_END_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """The output size and the resource limits of a decoder."""

    size_px: int
    max_pixels: int
    #: The maximum CPU time in seconds for one file.
    cpu_s: float
    #: The Unix nice value of the decoder; processes with a lower value get the CPU first.
    niceness: int = 0
    #: Whether the decoder can make prints.
    makes_prints: bool = False

    @property
    def memory_bytes(self) -> int:
        """Return the maximum size of a decoder's address space in bytes."""
        prints = _PRINTS_MEMORY_BYTES if self.makes_prints else 0
        return _BASE_MEMORY_BYTES + prints + _MEMORY_BYTES_PER_PIXEL * self.max_pixels

    @property
    def reply_bytes(self) -> int:
        """Return the maximum size of a reply in bytes."""
        return max(3 * self.size_px * self.size_px, _ERROR_MAX_BYTES) + _FILES_MAX_BYTES


class DecoderProcess:
    """A child process that decodes one file at a time."""

    def __init__(self, limits: DecoderLimits) -> None:
        """Start the child and wait until it is ready.

        Raises:
            EOFError: the child ended during its start.
            OSError: the child could not be started, or was not ready in time.
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
                int(limits.makes_prints),
            )
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*module_command("worker.decode.processes.child"), *map(str, numbers)],
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
        """Return whether the child has ended."""
        return self._process.poll() is not None

    def end_signal(self) -> int | None:
        """Return the signal that ended the child after it closed its socket, or None if no signal did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(_END_TIMEOUT_S)
            return -status if status < 0 else None
        return None

    def ask(self, request: wire_format.Request, *, deadline: float) -> wire_format.Reply:
        """Send a request and return the reply; `deadline` is a `time.monotonic` value.

        Raises:
            EOFError: the child ended.
            OSError: the child did not answer in time.
        """
        self._channel.settimeout(max(deadline - time.monotonic(), 1e-3))
        wire_format.send_request(self._channel, request)
        return self._receive(deadline=deadline)

    def _receive(self, *, deadline: float) -> wire_format.Reply:
        return wire_format.receive_reply(self._channel, deadline=deadline, max_bytes=self._limits.reply_bytes)

    def end(self, *, grace_s: float = 0.0) -> None:
        """Close the socket, which ends an idle child; kill the child if it still runs after `grace_s`."""
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._process.kill()
        self._process.wait()
