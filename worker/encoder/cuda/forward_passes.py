"""Runs a tower's forward passes on a device, eagerly or as CUDA graphs captured for fixed batch sizes.

A CUDA graph starts a whole pass with one call. Without a graph, a pass with one item takes at least four
times as long, because Python starts its 150 kernels one by one. Also, each of these starts releases Python's
global lock, which other threads of a busy worker then hold. A graph uses the fixed buffers of a slot:

    rows ─► pinned memory ─►│ input on the GPU ─► tower ─► embeddings │─► pinned memory ─► embeddings
                            └────────────── CUDA graph ───────────────┘
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt
import torch

from common.catalog.protocol import EMBEDDING_DIMENSION
from worker.encoder.cuda.batches import padded_size
from worker.encoder.protocol import Embeddings

log = logging.getLogger(__name__)

#: Computes embeddings of shape (items, 512) from a tensor of rows on the device.
Forward: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
Rows: TypeAlias = npt.NDArray[Any]


class Passes(Protocol):
    """Forward passes of one tower; one thread at a time may use them."""

    def embed(self, batches: Iterable[Rows]) -> Iterator[Embeddings]:
        """Run one pass per batch, and yield the embeddings of each batch in order."""
        ...


class EagerPasses:
    """Forward passes whose kernels Python starts one by one."""

    def __init__(self, forward: Forward, *, device: torch.device) -> None:
        self._forward = forward
        self._device = device

    def embed(self, batches: Iterable[Rows]) -> Iterator[Embeddings]:
        for rows in batches:
            with torch.inference_mode():
                on_device = self._to_device(torch.from_numpy(rows))
                yield self._forward(on_device).cpu().numpy()

    def _to_device(self, rows: torch.Tensor) -> torch.Tensor:
        return rows if self._device.type == "cpu" else rows.pin_memory().to(self._device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class InputShape:
    """A tower, one row of its input, and the batch sizes of its passes in increasing order."""

    forward: Forward
    row: Rows
    sizes: Sequence[int]


class Slot:
    """The buffers, the stream and the graphs that one pass at a time uses; smaller batches are padded.

    Padding items are rows of earlier passes, which are valid input. Their embeddings are not returned.
    """

    def __init__(self, shape: InputShape, *, stream: torch.cuda.Stream) -> None:
        most, row = shape.sizes[-1], torch.from_numpy(shape.row)
        # The graphs read the weights of the tower, which must therefore not be freed.
        self._shape = shape
        self._stream = stream
        self._pinned_input = torch.zeros((most, *row.shape), dtype=row.dtype, pin_memory=True)
        self._input = torch.zeros((most, *row.shape), dtype=row.dtype, device=stream.device)
        self._pinned_output = torch.zeros((most, EMBEDDING_DIMENSION), pin_memory=True)
        self._rows: Rows = self._pinned_input.numpy()
        self._embeddings: Embeddings = self._pinned_output.numpy()
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._count = 0

    @property
    def pinned_bytes(self) -> int:
        return self._rows.nbytes + self._embeddings.nbytes

    def capture(self, *, pool: Any) -> int:
        """Capture a graph of each size; return the number of graphs.

        Graphs of the same `pool` share memory and must not run at the same time. The largest graph is
        captured first, so that the smaller graphs fit into its memory.

        Raises:
            RuntimeError: the memory does not suffice, or CUDA cannot capture an operation.
        """
        for size in reversed(self._shape.sizes):
            # The first run loads kernels and prepares libraries, which is not possible during the capture.
            with torch.cuda.stream(self._stream):
                self._run(size)
            self._stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool, stream=self._stream):
                self._run(size)
            self._graphs[size] = graph
        return len(self._graphs)

    def start(self, rows: Rows) -> None:
        self._count = len(rows)
        # NumPy copies with one thread. torch would use OpenMP's threads, which keep all cores busy for
        # milliseconds after each copy, although the decoders need these cores.
        self._rows[: self._count] = rows
        with torch.cuda.stream(self._stream):
            self._graphs[padded_size(self._count, self._shape.sizes)].replay()

    def finish(self) -> Embeddings:
        self._stream.synchronize()
        return self._embeddings[: self._count].copy()

    def _run(self, size: int) -> None:
        given = self._input[:size]
        given.copy_(self._pinned_input[:size], non_blocking=True)
        self._pinned_output[:size].copy_(self._shape.forward(given), non_blocking=True)


class PassSlot(Protocol):
    """Runs one pass at a time."""

    def start(self, rows: Rows) -> None:
        """Start a pass; `finish` must have returned the embeddings of the previous pass."""
        ...

    def finish(self) -> Embeddings:
        """Wait for the pass, and return its embeddings."""
        ...


class GraphPasses:
    """Forward passes in slots; with two slots, one pass is copied while another pass is computed."""

    def __init__(self, slots: Sequence[PassSlot]) -> None:
        self._slots = slots

    def embed(self, batches: Iterable[Rows]) -> Iterator[Embeddings]:
        running: deque[PassSlot] = deque()
        try:
            for number, rows in enumerate(batches):
                if len(running) == len(self._slots):
                    yield running.popleft().finish()
                slot = self._slots[number % len(self._slots)]
                slot.start(rows)
                running.append(slot)
            while running:
                yield running.popleft().finish()
        finally:
            for slot in running:  # after an error, no pass may still use the buffers
                slot.finish()


@dataclass(frozen=True, slots=True)
class GraphCosts:
    """The costs of capturing an encoder's graphs.

    `gpu_mb` is the decrease of the GPU's free memory, so it includes memory that other processes allocated
    during the capture. `pinned_mb` is memory of the host.
    """

    graphs: int
    capture_s: float
    gpu_mb: float
    pinned_mb: float


def capture_passes(
    images: InputShape, texts: Sequence[InputShape], *, device: torch.device
) -> tuple[GraphPasses, list[GraphPasses], GraphCosts]:
    """Capture the graphs of all input shapes, and log the costs.

    Images have two slots, because a batch of images takes long to copy. Only the second slot needs memory of
    its own, because an encoder runs passes of one tower at a time.

    Raises:
        RuntimeError: the memory does not suffice, or CUDA cannot capture an operation.
    """
    began, free_bytes = time.perf_counter(), torch.cuda.mem_get_info(device)[0]
    new_stream: Any = torch.cuda.Stream  # torch does not annotate the constructor
    stream, second_stream = new_stream(device), new_stream(device)
    slots = [Slot(shape, stream=stream) for shape in (images, *texts)]
    second = Slot(images, stream=second_stream)
    pool, second_pool = torch.cuda.graph_pool_handle(), torch.cuda.graph_pool_handle()
    graphs = sum(slot.capture(pool=pool) for slot in slots) + second.capture(pool=second_pool)
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()  # the memory of the first runs, which were not captured
    costs = GraphCosts(
        graphs=graphs,
        capture_s=round(time.perf_counter() - began, 2),
        gpu_mb=round((free_bytes - torch.cuda.mem_get_info(device)[0]) / 1e6, 1),
        pinned_mb=round(sum(slot.pinned_bytes for slot in (*slots, second)) / 1e6, 1),
    )
    log.info("captured CUDA graphs", extra=asdict(costs))
    return GraphPasses([slots[0], second]), [GraphPasses([slot]) for slot in slots[1:]], costs
