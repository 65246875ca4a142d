"""The main program of a decoder process, which reads files from a socket and answers with pixels.

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

from common.child_processes import end_with_parent
from common.errors import ImageError, UndecodableImage
from worker.decode.image import decode_image
from worker.decode.processes import wire_format
from worker.decode.resampling import resize_and_crop


def serve(channel: socket.socket, *, size_px: int, max_pixels: int, cpu_s: float) -> None:
    """Decode files until the worker closes the socket."""
    while (data := wire_format.receive_request(channel)) is not None:
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        kind, body = wire_format.PIXELS, b""
        try:
            body = decode_image(data, size_px=size_px, max_pixels=max_pixels, max_cost_s=cpu_s).tobytes()
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
