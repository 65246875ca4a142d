"""Covers wait for decoders that start slowly."""

import pytest

from catalog.ingest.embedding.local import LocalEmbedder
from catalog.ingest.embedding.protocol import CoverToEmbed, EmbeddedCover
from tests.unit.worker.decode.pictures import encoded, noise
from worker.decode.processes.pool import DecoderPool
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

pytestmark = pytest.mark.starts_processes


def test_a_cover_waits_for_a_decoder_that_starts_slowly() -> None:
    encoder = FixedLatencyEncoder()
    cover = CoverToEmbed(1, "a", encoded(noise(64, 64), "PNG"), None)
    # A decoder takes longer to start than a cover may take to decode.
    decode_timeout_s = 0.01

    with DecoderPool(size_px=encoder.input_size_px) as decoders:
        embedder = LocalEmbedder(encoder, decoders, threads=1, timeout_s=decode_timeout_s)
        (embedded,) = embedder.embed([cover])

    assert isinstance(embedded, EmbeddedCover)
