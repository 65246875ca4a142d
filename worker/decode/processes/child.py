"""The main program of a decoder process, which turns files from a socket into pixels or thumbnails.

    python -m worker.decode.processes.child FD SIZE_PX MAX_PIXELS MEMORY_BYTES CPU_MS NICENESS PARENT_PID

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

from PIL import Image

from common.errors import ImageError, UndecodableImage
from common.processes.child_processes import end_with_parent
from worker.decode.image import decode_cover, decode_image, decode_thumbnails
from worker.decode.processes import wire_format
from worker.decode.resampling import resize_and_crop

#: The CPU time in seconds for resizing and encoding the thumbnails of any cover.
_THUMBNAILS_S = 0.5


def serve(channel: socket.socket, *, size_px: int, max_pixels: int, cpu_s: float) -> None:
    """Decode files until the worker closes the socket."""
    while (request := wire_format.receive_request(channel)) is not None:
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _allowed_s(request.wanted, cpu_s))
        kind, body = wire_format.PIXELS, b""
        try:
            body = decoded(request, size_px=size_px, max_pixels=max_pixels, max_cost_s=cpu_s)
        except ImageError as error:
            kind, body = wire_format.ERROR, wire_format.error_body(error)
        except Exception as error:  # noqa: BLE001 - a process boundary: this job fails, the next one is served
            unknown = UndecodableImage(f"the image does not decode ({type(error).__name__})")
            kind, body = wire_format.ERROR, wire_format.error_body(unknown)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        wire_format.send_reply(channel, kind, body, cpu_s=time.process_time() - began_s)


def decoded(request: wire_format.Request, *, size_px: int, max_pixels: int, max_cost_s: float) -> bytes:
    """Return the body of the reply to a request.

    Raises:
        ImageError: the file cannot be decoded.
    """
    if request.wanted == wire_format.PIXELS_ONLY:
        square = decode_image(request.data, size_px=size_px, max_pixels=max_pixels, max_cost_s=max_cost_s)
        return square.tobytes()
    if request.wanted == wire_format.THUMBNAILS_ONLY:
        files = decode_thumbnails(request.data, max_pixels=max_pixels, max_cost_s=max_cost_s)
        return wire_format.pack_thumbnails(files)
    cover = decode_cover(request.data, size_px=size_px, max_pixels=max_pixels, max_cost_s=max_cost_s)
    return cover.square.tobytes() + wire_format.pack_thumbnails(cover.thumbnails)


def _allowed_s(wanted: bytes, cpu_s: float) -> float:
    """Return the maximum CPU time of a request; for thumbnails, a JPEG is sometimes decoded twice."""
    return cpu_s if wanted == wire_format.PIXELS_ONLY else 2 * cpu_s + _THUMBNAILS_S


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
    fd, size_px, max_pixels, memory_bytes, cpu_ms, niceness, parent_pid = numbers
    channel = socket.socket(fileno=fd)
    # BLAS is called once before the memory limit is set, because its first call allocates memory and would
    # otherwise end the process.
    resize_and_crop(Image.new("RGB", (2 * size_px, 2 * size_px)), size_px)
    confine(memory_bytes=memory_bytes, niceness=niceness, parent_pid=parent_pid)
    wire_format.send_reply(channel, wire_format.READY)
    # The output of codec libraries is discarded, because it may contain text from a user's file.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    warnings.simplefilter("ignore")
    serve(channel, size_px=size_px, max_pixels=max_pixels, cpu_s=cpu_ms / 1000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
