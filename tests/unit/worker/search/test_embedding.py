"""The embedder of a worker whose model is busy."""

import threading
from collections.abc import Sequence

import pytest
from redis import Redis

from common.errors import QueueFull
from worker.batching import Batcher
from worker.decode.processes.pool import DecoderPool
from worker.encoder.protocol import Embeddings
from worker.encoder.stand_in_encoder import FixedLatencyEncoder
from worker.search.embedding import Embedder


class WaitingEncoder(FixedLatencyEncoder):
    """Waits in its first forward pass until a test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_running, self.may_go_on = threading.Event(), threading.Event()
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.is_running.set()
        self.may_go_on.wait()
        self.texts += texts
        return super().encode_texts(texts)


@pytest.mark.starts_processes
def test_texts_that_do_not_all_fit_into_the_queue_leave_none_there() -> None:
    encoder = WaitingEncoder()
    with (
        DecoderPool(size_px=encoder.input_size_px) as decoders,
        Batcher(encoder, max_size=8, queue_limit=3) as batcher,
    ):
        embedder = Embedder(encoder=encoder, batcher=batcher, decoders=decoders, redis=Redis())
        running = batcher.submit_text("running")
        encoder.is_running.wait()

        with pytest.raises(QueueFull):
            embedder.texts(["1", "2", "3", "4"])
        encoder.may_go_on.set()

        assert running.result().embedding.shape == (512,)
    assert encoder.texts == ["running"]
