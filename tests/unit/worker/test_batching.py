import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, wait

import numpy as np
import pytest

from common.errors import QueueFull
from tests.polling import eventually
from worker.batching import Batcher
from worker.encoder.protocol import Embeddings, Pixels
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

PIXELS = np.zeros((4, 4, 3), dtype=np.uint8)


class GatedEncoder(FixedLatencyEncoder):
    """An encoder that waits until its gate is open, refuses the text "bad", and records its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.passes: list[tuple[str, int]] = []
        self.threads: set[int] = set()

    def encode_images(self, pixels: Pixels) -> Embeddings:
        self._enter("images", len(pixels))
        return super().encode_images(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self._enter("texts", len(texts))
        if "bad" in texts:
            raise ValueError("a bad text")
        return super().encode_texts(texts)

    def _enter(self, lane: str, size: int) -> None:
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.gate.wait(30)
        self.passes.append((lane, size))


@pytest.fixture
def encoder() -> Iterator[GatedEncoder]:
    gated = GatedEncoder()
    yield gated
    gated.gate.set()


@pytest.fixture
def batcher(encoder: GatedEncoder) -> Iterator[Batcher]:
    with Batcher(encoder, max_size=4, queue_limit=20) as opened:
        yield opened
        encoder.gate.set()


def occupy(batcher: Batcher, encoder: GatedEncoder) -> None:
    """Keep the encoder busy with one text, so that later items wait."""
    batcher.submit_text("the first")
    assert encoder.entered.wait(30)


def test_each_caller_gets_the_embedding_of_its_own_item(batcher: Batcher, encoder: GatedEncoder) -> None:
    texts = [f"text {number}" for number in range(10)]
    occupy(batcher, encoder)

    futures = [batcher.submit_text(text) for text in texts]
    encoder.gate.set()

    for future, expected in zip(futures, FixedLatencyEncoder().encode_texts(texts), strict=True):
        assert np.array_equal(future.result(30).embedding, expected)


def test_waiting_items_are_batched_up_to_the_maximum_size(batcher: Batcher, encoder: GatedEncoder) -> None:
    occupy(batcher, encoder)

    futures = [batcher.submit_text(str(number)) for number in range(6)]
    encoder.gate.set()
    wait(futures, 30)

    assert encoder.passes == [("texts", 1), ("texts", 4), ("texts", 2)]


def test_an_idle_model_starts_without_waiting_for_a_batch(batcher: Batcher, encoder: GatedEncoder) -> None:
    encoder.gate.set()

    batcher.submit_text("alone").result(30)
    batcher.submit_image(PIXELS).result(30)

    assert encoder.passes == [("texts", 1), ("images", 1)]


def test_a_configured_wait_fills_the_batch(encoder: GatedEncoder) -> None:
    encoder.gate.set()

    with Batcher(encoder, max_size=3, max_wait_s=30) as batcher:
        futures = [batcher.submit_text(str(number)) for number in range(3)]
        wait(futures, 30)

    assert encoder.passes == [("texts", 3)]


def test_images_and_texts_take_turns(batcher: Batcher, encoder: GatedEncoder) -> None:
    occupy(batcher, encoder)

    futures = [batcher.submit_image(PIXELS) for _ in range(8)]
    futures += [batcher.submit_text(str(number)) for number in range(8)]
    encoder.gate.set()
    wait(futures, 30)

    assert [lane for lane, _ in encoder.passes] == ["texts", "images", "texts", "images", "texts"]


def test_only_one_thread_calls_the_model(batcher: Batcher, encoder: GatedEncoder) -> None:
    encoder.gate.set()

    wait([batcher.submit_text(str(number)) for number in range(9)], 30)
    batcher.submit_image(PIXELS).result(30)

    assert len(encoder.threads) == 1
    assert threading.get_ident() not in encoder.threads


def test_a_bad_item_fails_only_itself(batcher: Batcher, encoder: GatedEncoder) -> None:
    occupy(batcher, encoder)

    futures = {text: batcher.submit_text(text) for text in ("one", "bad", "two")}
    encoder.gate.set()

    assert futures["one"].result(30).embedding.shape == (512,)
    assert futures["two"].result(30).embedding.shape == (512,)
    with pytest.raises(ValueError, match="a bad text"):
        futures["bad"].result(30)


def test_an_item_canceled_before_its_pass_is_not_encoded(batcher: Batcher, encoder: GatedEncoder) -> None:
    occupy(batcher, encoder)
    unwanted = [batcher.submit_text(str(number)) for number in range(4)]
    wanted = batcher.submit_text("wanted")

    cancelled = [future.cancel() for future in unwanted]
    encoder.gate.set()

    assert all(cancelled)
    assert wanted.result(30).embedding.shape == (512,)
    assert encoder.passes == [("texts", 1), ("texts", 1)]


def test_a_full_queue_refuses_at_once(batcher: Batcher, encoder: GatedEncoder) -> None:
    occupy(batcher, encoder)
    for _ in range(10):
        batcher.submit_text("text")
        batcher.submit_image(PIXELS)

    with pytest.raises(QueueFull):
        batcher.submit_text("one too many")


class WideEncoder(GatedEncoder):
    """An encoder that accepts calls from two threads at a time."""

    passes_at_once = 2


@pytest.fixture
def wide_encoder() -> Iterator[WideEncoder]:
    gated = WideEncoder()
    yield gated
    gated.gate.set()


def test_only_a_full_batch_starts_beside_a_running_pass(
    wide_encoder: WideEncoder,
) -> None:
    with Batcher(wide_encoder, max_size=4) as batcher:
        occupy(batcher, wide_encoder)

        wide_encoder.entered.clear()
        futures = [batcher.submit_text(str(number)) for number in range(3)]
        begun_with_three = wide_encoder.entered.wait(0.1)
        futures.append(batcher.submit_text("the fourth"))
        begun_with_four = wide_encoder.entered.wait(30)
        futures += [batcher.submit_text(f"more {number}") for number in range(4)]
        wide_encoder.gate.set()
        wait(futures, 30)

    assert (begun_with_three, begun_with_four) == (False, True)
    assert sorted(wide_encoder.passes) == [("texts", 1), ("texts", 4), ("texts", 4)]
    assert len(wide_encoder.threads) == 2


def test_concurrent_image_passes_do_not_starve_a_text(
    wide_encoder: WideEncoder,
) -> None:
    with Batcher(wide_encoder, max_size=4) as batcher:
        occupy(batcher, wide_encoder)
        images = [batcher.submit_image(PIXELS) for _ in range(40)]

        text = batcher.submit_text("alone")
        wide_encoder.gate.set()
        wait([*images, text], 30)

    # The first pass encodes the text from `occupy`; up to two more passes may start before the next text
    # arrives.
    kinds = [kind for kind, _ in wide_encoder.passes]
    assert "texts" in kinds[1:5]


def test_a_configured_wait_never_gives_a_thread_an_empty_batch(wide_encoder: WideEncoder) -> None:
    wide_encoder.gate.set()

    with Batcher(wide_encoder, max_size=4, max_wait_s=0.02) as batcher:
        for number in range(20):
            futures = [batcher.submit_text(f"{number} {n}") for n in range(5)]
            wait([*futures, batcher.submit_image(PIXELS)], 30)

    assert all(size for _, size in wide_encoder.passes)


def test_closing_waits_for_concurrent_passes(wide_encoder: WideEncoder) -> None:
    batcher = Batcher(wide_encoder, max_size=2)
    occupy(batcher, wide_encoder)
    waiting = [batcher.submit_text(str(number)) for number in range(5)]

    wide_encoder.gate.set()
    drained = batcher.close(timeout_s=30)

    assert drained
    assert all(future.done() and not future.cancelled() for future in waiting)


def test_the_duration_of_the_running_pass_is_reported(batcher: Batcher, encoder: GatedEncoder) -> None:
    assert batcher.running_s() == 0

    occupy(batcher, encoder)
    eventually(lambda: batcher.running_s() > 0.05)
    encoder.gate.set()

    eventually(lambda: batcher.running_s() == 0)


def test_closing_encodes_waiting_items_and_refuses_new_ones(encoder: GatedEncoder) -> None:
    batcher = Batcher(encoder, max_size=4)
    occupy(batcher, encoder)
    waiting = [batcher.submit_text(str(number)) for number in range(6)]

    encoder.gate.set()
    drained = batcher.close(timeout_s=30)

    assert drained
    assert all(future.done() and not future.cancelled() for future in waiting)
    with pytest.raises(QueueFull):
        batcher.submit_text("late")


def test_closing_cancels_waiting_items_when_the_model_hangs(encoder: GatedEncoder) -> None:
    batcher = Batcher(encoder, max_size=4)
    occupy(batcher, encoder)
    waiting = batcher.submit_text("waits")

    drained = batcher.close(timeout_s=0.05)

    assert not drained
    with pytest.raises(CancelledError):
        waiting.result(30)
