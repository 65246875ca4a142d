"""One of CLIP's two towers as OpenVINO runs it: alone over every thread, or beside other passes over a part.

alone            one pass, all threads: an item is answered soonest
side by side     two passes, half of the threads each: more items a second where other processes want
                 the same cores, since a pass over all threads waits at each step for the one that
                 was interrupted. 32 clients' images on two cores: 32 a second alone, 37 side by side
"""

import ctypes
import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import openvino

Values: TypeAlias = npt.NDArray[Any]

_libc = ctypes.CDLL(None, use_errno=True)

_NOTHING = (None, None)
#: Passes that run at the same time where they run side by side.
SIDE_BY_SIDE = 2
#: Of those who run a pass: the first has all threads, each further one a part.
ALONE = 0


@cache
def runtime() -> openvino.Core:
    """Return the one OpenVINO of this process, which stays.

    With the last one OpenVINO unloads its libraries, in which threads of its own still sleep: the next
    signal that a process got after it had closed its encoder ended it with a segmentation fault.
    """
    return openvino.Core()


class Tower:
    """A compiled model; as many callers at a time as there are slots, each with a slot of its own."""

    def __init__(self, path: Path, settings: dict[str, Any], *, side_by_side: bool) -> None:
        alone = runtime().compile_model(path, "CPU", settings)
        self._requests = [alone.create_infer_request()]
        self.precision: str = alone.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if side_by_side:
            # The two share one copy of the weights, which is another than that of the pass alone.
            parts = runtime().compile_model(path, "CPU", {**settings, "NUM_STREAMS": SIDE_BY_SIDE})
            self._requests += [parts.create_infer_request() for _ in range(SIDE_BY_SIDE)]
        #: What each request was given last, by the number of the input, and what its tensor lies over.
        self._given: list[dict[int, tuple[Values, Values]]] = [{} for _ in self._requests]

    @property
    def slots(self) -> int:
        return len(self._requests)

    def run(self, feed: Sequence[Values], *, slot: int) -> npt.NDArray[np.float32]:
        """Run a pass; what is returned is overwritten by the next one in the same slot.

        `request.infer(feed)` does the same, and takes 0.2 ms of a text's 3.6 to see what it was given.
        """
        request, given = self._requests[slot], self._given[slot]
        for index, values in enumerate(feed):
            # What stays the same array, whatever is written to it, need not be set anew, which takes 0.1 ms a
            # tensor with cold caches. Only a contiguous and writable one is seen to change: else the tensor
            # lies over a copy.
            if given.get(index, _NOTHING)[0] is not values:
                # A tensor shares an array's memory without keeping it alive, and must be able to write to it.
                array = np.require(values, requirements=["C", "W"])
                request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
                given[index] = (values, array)
        request.infer()
        projected: npt.NDArray[np.float32] = request.get_output_tensor().data
        return projected


class Slots:
    """Gives each running pass, of whichever tower, the slot in which it does not meet the others."""

    def __init__(self, passes_at_once: int) -> None:
        self._passes = threading.Semaphore(passes_at_once)
        self._lock = threading.Lock()
        self._taken: set[int] = set()

    @contextmanager
    def one(self) -> Iterator[int]:
        """Take a slot for one pass, once there are fewer passes than may be."""
        with self._passes:
            with self._lock:
                slot = min({*range(1, SIDE_BY_SIDE + 1)} - self._taken) if self._taken else ALONE
                self._taken.add(slot)
            try:
                yield slot
            finally:
                with self._lock:
                    self._taken.discard(slot)


def release_file_pages(folder: Path) -> None:
    """Give back the memory of the pages that this process has read from its mapped files in a folder.

    OpenVINO maps the weights and copies them in the order in which its kernels read them, after which the
    mapped pages only take memory. A page that is read again comes from the file. A system without `/proc`
    keeps the pages.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    inside = f"{folder.resolve()}/"
    for line in maps.read_text().splitlines():
        span, mode, _, _, _, *path = line.split(maxsplit=5)
        # A page of a private mapping that was written to would be lost; OpenVINO's are shared and read-only.
        if path and path[0].startswith(inside) and mode == "r--s":
            start, end = (int(address, 16) for address in span.split("-"))
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
