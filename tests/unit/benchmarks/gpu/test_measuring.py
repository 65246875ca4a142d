import os
import threading

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from benchmarks.gpu.batcher import calls_per_s, on_two_cores
from benchmarks.gpu.device import skipped
from benchmarks.gpu.encoder import covered_us


def test_kernels_that_overlap_count_once() -> None:
    assert covered_us([(20, 21), (0, 10), (5, 12), (20.2, 20.5)]) == 13
    assert covered_us([]) == 0


def test_an_error_in_a_client_fails_the_measurement() -> None:
    def call(number: int) -> None:
        if number == 5:
            raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        calls_per_s(call, clients=2, seconds=0.1)


def test_threads_that_start_meanwhile_use_two_cores() -> None:
    seen: list[int] = []
    before = os.sched_getaffinity(0)

    with on_two_cores():
        thread = threading.Thread(target=lambda: seen.append(len(os.sched_getaffinity(0))))
        thread.start()
        thread.join()

    assert seen == [min(2, len(before))]
    assert os.sched_getaffinity(0) == before


def test_without_a_gpu_each_figure_says_why_it_is_missing() -> None:
    (figure,) = skipped(["gpu.busy_share"])

    assert figure.value is None
    assert "no CUDA device" in figure.note
