"""A run whose explanation fails caches its embeddings, so that the next attempt can use them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from common.cache.rankings import RankingCache
from common.cache.results import WorkerCache
from common.catalog.open_catalog import open_catalog
from common.errors import QueueFull
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim
from common.search_query import SearchQuery, TextPart
from common.settings import Settings
from tests.ledgers import submission_of, worker_ledger
from worker.batching import Batcher
from worker.decode.processes.pool import DecoderPool
from worker.encoder.protocol import Embeddings
from worker.encoder.stand_in_encoder import FixedLatencyEncoder
from worker.explain.explanation import Explainer
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import WordEmbeddings
from worker.search.embedding import Embedder
from worker.search.leases import Lease, RunCanceled
from worker.search.pipeline import Pipeline
from worker.search.ranked_pages import RankedPages, ScanTurns

OpenPipeline = Callable[[Callable[[Sequence[str]], Embeddings]], Pipeline]


@pytest.fixture
def open_pipeline(redis: Redis, settings: Settings, tmp_path: Path) -> Iterator[OpenPipeline]:
    """Return a function that makes a pipeline, given the function that embeds the words."""
    encoder = FixedLatencyEncoder()
    with (
        Batcher(encoder, max_size=8) as batcher,
        DecoderPool(size_px=encoder.input_size_px, max_pixels=1, cpu_s=1, processes=1) as decoders,
        closing(open_catalog(settings)) as catalog,
    ):

        def make(embed: Callable[[Sequence[str]], Embeddings]) -> Pipeline:
            vocabulary = VisualVocabulary.load()
            words = WordEmbeddings(vocabulary, embed=embed, fingerprint="f" * 64, cache_dir=tmp_path)
            cache = WorkerCache(redis, result_ttl_s=60, embedding_ttl_s=60)
            return Pipeline(
                embedder=Embedder(encoder=encoder, batcher=batcher, decoders=decoders, redis=redis),
                explainer=Explainer(vocabulary, words),
                cache=cache,
                catalog=catalog,
                pages=RankedPages(
                    RankingCache(redis, result_ttl_s=60),
                    cache,
                    ScanTurns(waiting=1),
                    model_fingerprint=encoder.model_fingerprint,
                    has_thumbnails=False,
                ),
                catalog_timeout_s=5,
                model_name="m",
                model_fingerprint=encoder.model_fingerprint,
                public_url=None,
                has_thumbnails=False,
            )

        yield make


@pytest.fixture
async def claim(redis: Redis, gateway: GatewayLedger, settings: Settings) -> Claim:
    query = SearchQuery((TextPart("red"), TextPart("blue", -0.5)), explain=True)
    accepted = await gateway.submit(submission_of(query))
    claimed = worker_ledger(redis, settings).claim(accepted.run_id)
    assert isinstance(claimed, Claim)
    return claimed


def test_the_embeddings_of_the_query_are_cached(
    open_pipeline: OpenPipeline, claim: Claim, redis: Redis
) -> None:
    def refuse(_texts: Sequence[str]) -> Embeddings:
        raise QueueFull("1024 items already wait for the model")

    with pytest.raises(QueueFull):
        open_pipeline(refuse).answer(Lease(claim))

    assert len(redis.keys("embedding:*")) == 2
    assert redis.keys("result:*") == []


def test_a_canceled_run_does_not_wait_for_the_words(
    open_pipeline: OpenPipeline, claim: Claim, redis: Redis
) -> None:
    lease, may_go_on = Lease(claim), threading.Event()

    def lose_lease(texts: Sequence[str]) -> Embeddings:
        lease.lose()
        may_go_on.wait()
        return FixedLatencyEncoder().encode_texts(texts)

    with pytest.raises(RunCanceled):
        open_pipeline(lose_lease).answer(lease)
    may_go_on.set()

    assert len(redis.keys("embedding:*")) == 2
