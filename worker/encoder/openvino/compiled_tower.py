"""A compiled CLIP tower, which runs one forward pass on all threads, or two passes on half of them each.

- In the mode "alone", one pass runs on all threads, which has the lowest latency.
- In the mode "side by side", two passes run at the same time, on half of the threads each. Throughput is
  higher in this mode if other processes use the same cores, because a pass on all threads waits at each step
  for any thread that was interrupted. With 32 clients on two cores, the tower embeds 37 images per second in
  this mode, and 32 images per second alone.
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
#: The number of parallel passes in the side-by-side mode.
SIDE_BY_SIDE = 2
#: The slot in which a pass uses all threads; in every other slot, a pass uses half of the threads.
ALONE = 0


@cache
def runtime() -> openvino.Core:
    """Return the process's only OpenVINO `Core` object, which is never freed.

    When the last `Core` object is freed, OpenVINO unloads its libraries although threads of its own still
    execute their code; the next signal can then end the process with a segmentation fault.
    """
    return openvino.Core()


class Tower:
    """A compiled model; concurrent callers must use different slots."""

    def __init__(self, path: Path, settings: dict[str, Any], *, side_by_side: bool) -> None:
        alone = runtime().compile_model(path, "CPU", settings)
        self._requests = [alone.create_infer_request()]
        self.precision: str = alone.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if side_by_side:
            # The two parallel requests share a second copy of the weights; the request that runs alone uses
            # the first copy.
            parts = runtime().compile_model(path, "CPU", {**settings, "NUM_STREAMS": SIDE_BY_SIDE})
            self._requests += [parts.create_infer_request() for _ in range(SIDE_BY_SIDE)]
        #: For each request, a dictionary that maps an input's index to two arrays: the one given to the last
        #: pass, and the one whose memory the input's tensor uses.
        self._bound: list[dict[int, tuple[Values, Values]]] = [{} for _ in self._requests]

    @property
    def slots(self) -> int:
        return len(self._requests)

    def run(self, feed: Sequence[Values], *, slot: int) -> npt.NDArray[np.float32]:
        """Run a pass; the next pass in the same slot overwrites the returned array.

        Inputs are set by hand, because `request.infer(feed)` takes 0.2 ms to inspect its arguments, while a
        whole pass with one text takes 3.6 ms.
        """
        request, bound = self._requests[slot], self._bound[slot]
        for index, values in enumerate(feed):
            # If a pass gets the same array object as the last pass, the tensor already uses the array's
            # memory and need not be set, which saves 0.1 ms per tensor if the CPU caches are cold. An array
            # that a caller reuses with new values must be contiguous and writable; otherwise the tensor uses
            # a copy, which does not get the new values.
            if bound.get(index, _NOTHING)[0] is not values:
                # The tensor needs a writable array and does not keep it alive, so the array is stored in
                # `bound`.
                array = np.require(values, requirements=["C", "W"])
                request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
                bound[index] = (values, array)
        request.infer()
        projected: npt.NDArray[np.float32] = request.get_output_tensor().data
        return projected


class Slots:
    """Assigns a slot to each running pass, so that a text and an image pass do not share threads."""

    def __init__(self, passes_at_once: int) -> None:
        self._passes = threading.Semaphore(passes_at_once)
        self._lock = threading.Lock()
        self._taken: set[int] = set()

    @contextmanager
    def acquire(self) -> Iterator[int]:
        """Wait until one more pass is allowed to run, and yield a slot for it."""
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
    """Free the memory of this process's mapped files in a folder; does nothing on systems without `/proc`.

    OpenVINO maps the weight files and then copies the weights into the layout that its kernels need. After
    the copy, the mapped pages are no longer needed. If a freed page is read again, the kernel loads it from
    the file.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    inside = f"{folder.resolve()}/"
    for line in maps.read_text().splitlines():
        span, mode, _, _, _, *path = line.split(maxsplit=5)
        # Only shared read-only mappings are freed, because changes in a private mapping would be lost.
        if path and path[0].startswith(inside) and mode == "r--s":
            start, end = (int(address, 16) for address in span.split("-"))
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
