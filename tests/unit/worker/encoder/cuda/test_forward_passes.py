"""Passes take turns in the slots; the slots of these tests compute nothing."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from worker.encoder.cuda.forward_passes import GraphPasses, Rows


class RecordingSlot:
    """A slot whose embeddings are its rows."""

    def __init__(self, name: str, events: list[str]) -> None:
        self._name, self._events = name, events
        self.rows: Rows | None = None

    def start(self, rows: Rows) -> None:
        assert self.rows is None, "the previous pass still uses the buffers"
        self._events.append(f"start {self._name}")
        self.rows = rows

    def finish(self) -> npt.NDArray[np.float32]:
        assert self.rows is not None
        self._events.append(f"finish {self._name}")
        rows, self.rows = self.rows, None
        return rows


def batches(count: int) -> list[npt.NDArray[np.float32]]:
    return [np.full((1, 512), number, dtype=np.float32) for number in range(count)]


def test_a_pass_starts_before_the_pass_in_the_other_slot_has_finished() -> None:
    events: list[str] = []

    results = list(GraphPasses([RecordingSlot(name, events) for name in "ab"]).embed(batches(3)))

    assert [int(result[0, 0]) for result in results] == [0, 1, 2]
    assert events == ["start a", "start b", "finish a", "start a", "finish b", "finish a"]


def test_passes_in_one_slot_run_one_after_the_other() -> None:
    events: list[str] = []

    results = list(GraphPasses([RecordingSlot("a", events)]).embed(batches(2)))

    assert [int(result[0, 0]) for result in results] == [0, 1]
    assert events == ["start a", "finish a"] * 2


def test_after_an_error_no_slot_has_a_running_pass() -> None:
    slots = [RecordingSlot(name, []) for name in "ab"]

    def failing() -> Iterator[Rows]:
        yield from batches(1)
        raise ValueError("the second batch cannot be made")

    with pytest.raises(ValueError, match="second batch"):
        list(GraphPasses(slots).embed(failing()))

    assert [slot.rows for slot in slots] == [None, None]
    assert len(list(GraphPasses(slots).embed(batches(2)))) == 2
