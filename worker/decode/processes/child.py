"""The main program of a decoder process, which turns files from a socket into pixels, thumbnails or prints.

    python -m worker.decode.processes.child
        FD SIZE_PX MAX_PIXELS MEMORY_BYTES CPU_MS NICENESS PARENT_PID MAKES_PRINTS

A decoder process has no secrets and no model, has limited memory, and ends when the worker ends. If one file
takes more CPU time than allowed, the kernel ends the process with SIGPROF, even while a codec is running.
"""

import os
import resource
import signal
import socket
import sys
import time
import warnings
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from PIL import Image

from common.errors import ImageError, UndecodableImage
from common.prints import MAX_SIDE_PX
from common.processes.child_processes import end_with_parent
from worker.decode.image import PrintMaker, decode_cover, decode_print, decode_thumbnails
from worker.decode.processes import wire_format
from worker.decode.processes.wire_format import MadeFiles, Wanted
from worker.decode.resampling import resize_and_crop

#: The CPU time in seconds for resizing and encoding the thumbnails of any cover, and for its print.
_THUMBNAILS_S, _PRINT_S = 0.5, 1.0


class _Limits(TypedDict):
    max_pixels: int
    max_cost_s: float


@dataclass(frozen=True, slots=True)
class Decoder:
    """What a decoder makes of a file, and within which limits."""

    size_px: int
    max_pixels: int
    #: The maximum CPU time in seconds of decoding a file once.
    cpu_s: float
    #: None if this process makes no prints.
    make_print: PrintMaker | None = None

    def allowed_s(self, wanted: Wanted) -> float:
        """Return the maximum CPU time of a request; a JPEG is sometimes decoded again for a further part."""
        thumbnails, print_ = Wanted.THUMBNAILS in wanted, Wanted.PRINT in wanted
        return (1 + thumbnails + print_) * self.cpu_s + thumbnails * _THUMBNAILS_S + print_ * _PRINT_S

    def reply_to(self, request: wire_format.Request) -> bytes:
        """Return the body of the reply to a request.

        Raises:
            ImageError: the file cannot be decoded.
        """
        data, wanted = request.data, request.wanted
        wants_thumbnails, wants_print = Wanted.THUMBNAILS in wanted, Wanted.PRINT in wanted
        limits = _Limits(max_pixels=self.max_pixels, max_cost_s=self.cpu_s)
        if wanted == Wanted.THUMBNAILS:
            return wire_format.pack_files(wanted, MadeFiles(thumbnails=decode_thumbnails(data, **limits)))
        if wanted == Wanted.PRINT:
            made = decode_print(data, make_print=self.require_print_maker(), **limits)
            return wire_format.pack_files(wanted, MadeFiles(made))
        cover = decode_cover(
            data,
            size_px=self.size_px,
            with_thumbnails=wants_thumbnails,
            make_print=self.require_print_maker() if wants_print else None,
            **limits,
        )
        files = MadeFiles(cover.cover_print, cover.thumbnails)
        return cover.square.tobytes() + wire_format.pack_files(wanted, files)

    def require_print_maker(self) -> PrintMaker:
        """Return the function that makes prints.

        Raises:
            RuntimeError: this process was started without it.
        """
        if self.make_print is None:
            raise RuntimeError("this decoder makes no prints")
        return self.make_print


def serve(channel: socket.socket, decoder: Decoder) -> None:
    """Decode files until the worker closes the socket."""
    while (request := wire_format.receive_request(channel)) is not None:
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, decoder.allowed_s(request.wanted))
        kind, body = wire_format.PIXELS, b""
        try:
            body = decoder.reply_to(request)
        except ImageError as error:
            kind, body = wire_format.ERROR, wire_format.error_body(error)
        except Exception as error:  # noqa: BLE001 - a process boundary: this job fails, the next one is served
            unknown = UndecodableImage(f"the image does not decode ({type(error).__name__})")
            kind, body = wire_format.ERROR, wire_format.error_body(unknown)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        wire_format.send_reply(channel, kind, body, cpu_s=time.process_time() - began_s)


def confine(*, memory_bytes: int, niceness: int, parent_pid: int) -> None:
    """Limit this process's resources, and make the process end when the worker ends."""
    end_with_parent(parent_pid)
    # SIGTERM is ignored: a service manager sends it to the whole process group, but the worker needs its
    # decoders until it has finished its runs.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> int:
    """Decode the files of one worker; return the exit status."""
    numbers = (int(argument) for argument in sys.argv[1:])
    fd, size_px, max_pixels, memory_bytes, cpu_ms, niceness, parent_pid, makes_prints = numbers
    channel = socket.socket(fileno=fd)
    # BLAS is called once before the memory limit is set, because its first call allocates memory and would
    # otherwise end the process.
    resize_and_crop(Image.new("RGB", (2 * size_px, 2 * size_px)), size_px)
    make_print = _print_maker() if makes_prints else None
    confine(memory_bytes=memory_bytes, niceness=niceness, parent_pid=parent_pid)
    wire_format.send_reply(channel, wire_format.READY)
    # The output of codec libraries is discarded, because it may contain text from a user's file.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    warnings.simplefilter("ignore")
    serve(channel, Decoder(size_px, max_pixels, cpu_ms / 1000, make_print))
    return 0


def _print_maker() -> PrintMaker:
    """Import the library that finds points, and let it allocate its buffers before memory is limited."""
    # OpenCV is imported only in processes that make prints, because its import takes time and memory.
    from worker.prints.cover_print import make_print

    # Noise has points; in a picture without any, most of the code would not run.
    make_print(np.random.default_rng(0).integers(0, 256, (MAX_SIDE_PX, MAX_SIDE_PX, 3), dtype=np.uint8))
    return make_print


if __name__ == "__main__":
    sys.exit(main())
