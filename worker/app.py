"""Runs a worker process: loads the model, opens the catalog, starts Celery, and at the end finishes its jobs.

A worker announces itself as ready, and takes jobs, only when the model is loaded and matches the catalog. An
unusable model or catalog stops the worker, and `/health` shows the reason for two minutes.
"""

import logging
import math
import os
import secrets
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime

from celery import Celery
from celery.signals import setup_logging, worker_shutting_down

from common.broker.celery_app import make_celery, message_template
from common.cache.rankings import RankingCache
from common.cache.results import WorkerCache
from common.catalog.protocol import Catalog
from common.errors import CatalogError, ModelError, ModelMismatch, QueueUnavailable
from common.ledger.worker import CachedFor, WorkerLedger
from common.redis import keyspace
from common.redis.clients import open_redis
from common.search_query import NEWEST_VERSION
from common.settings import Settings
from common.version import VERSION
from worker.batching import Batcher
from worker.bulk_embedding.process import BulkProcess
from worker.bulk_embedding.tasks import BulkHandler, register_bulk
from worker.decode.preprocessing_version import PREPROCESSING_VERSION
from worker.decode.processes.pool import DecoderPool
from worker.encoder.protocol import Encoder
from worker.explain.explanation import Explainer
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import WordEmbeddings
from worker.retries import retry_transient
from worker.search.embedding import Embedder
from worker.search.leases import Leases
from worker.search.pipeline import Pipeline
from worker.search.ranked_pages import RankedPages, ScanTurns
from worker.search.tasks import RunHandler, register_search
from worker.startup import open_broker, open_encoder, open_matching_catalog
from worker.watchdog import Watchdog

log = logging.getLogger(__name__)

#: The number of seconds for which `/health` shows why a worker's start failed.
FAILURE_TTL_S = 120.0


class WorkerProcess:
    """Owns the resources of a worker (model, catalog, decoders and others) and opens them in order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.worker_id = secrets.token_hex(8)
        self._announced: dict[str, object] = {
            "id": self.worker_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "model": settings.clip_model,
            "ready": False,
            "decoders": settings.decoder_processes,
            "concurrency": settings.worker_concurrency,
            "version": VERSION,
            # Gateways accept a search only if a ready worker reads the version of its query.
            "query_version": NEWEST_VERSION,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._waiting_reason = ""
        self._retired = False
        self._celery = make_celery(settings)
        self._redis = open_redis(settings.redis_url.get_secret_value())
        self._ledger = WorkerLedger(
            self._redis,
            settings=settings,
            template=message_template(self._celery),
            worker_id=self.worker_id,
        )

    def run(self) -> int:
        """Serve until a signal stops the process; return the exit status."""
        start = time.perf_counter()
        if self._settings.worker_concurrency < self._settings.batch_max:
            log.warning(
                "no batch will be full: WORKER_CONCURRENCY is less than BATCH_MAX",
                extra={"concurrency": self._settings.worker_concurrency, "batch": self._settings.batch_max},
            )
        try:
            encoder = open_encoder(self._settings, side_by_side=True)
            catalog = open_matching_catalog(self._settings, encoder, on_waiting=self._report_waiting)
        except (ModelError, CatalogError) as error:
            log.critical("the worker cannot start", extra={"code": error.code, "detail": error.detail})
            self._announce_failure(f"{error.code}: {error.reason}")
            return 1
        open_broker(
            self._redis,
            self._settings,
            model_fingerprint=encoder.model_fingerprint,
            on_waiting=self._report_waiting,
        )
        self._announced |= {
            "ready": True,
            "model": encoder.model_name,
            "fingerprint": encoder.model_fingerprint,
            "preprocessing": PREPROCESSING_VERSION,
            "device": encoder.device,
            "encoder": encoder.kind,
            "precision": encoder.precision,
            # A distributed ingest asks for thumbnails and palettes only if every worker announces this.
            "thumbnails": True,
        }
        log.info(
            "ready",
            extra={
                **self._announced,
                "ready_s": round(time.perf_counter() - start, 2),
            },
        )
        try:
            self._serve(encoder, catalog)
        finally:
            catalog.close()
            encoder.close()
        return 1 if self._retired else 0

    def _retire(self, error: ModelMismatch) -> None:
        """Finish the running jobs and exit; called when the catalog contains another model's vectors."""
        if not self._retired:
            self._retired = True
            self._announced |= {"ready": False, "error": f"{error.code}: {error.detail}"}
            log.critical(
                "the worker's model no longer matches; ending",
                extra={"code": error.code, "detail": error.detail},
            )
            os.kill(os.getpid(), signal.SIGTERM)

    def _report_waiting(self, error: BaseException) -> None:
        reason = str(error)
        if reason != self._waiting_reason:
            log.warning("cannot start yet; trying again", extra={"error": reason})
            self._waiting_reason = reason
        if not isinstance(error, QueueUnavailable):
            self._announce_failure(f"waiting: {reason}")

    def _announce_failure(self, reason: str) -> None:
        try:
            self._ledger.renew({**self._announced, "error": reason}, ttl_s=FAILURE_TTL_S, run_ids=())
        except QueueUnavailable as error:
            log.error("cannot announce the failure in Redis", extra={"error": error.detail})  # noqa: TRY400

    def _report_overrun(self, client: str, excess_s: float) -> None:
        log.info("an image took longer than estimated", extra={"excess_ms": round(excess_s * 1000)})
        try:
            self._ledger.charge(client, excess_s=excess_s)
        except QueueUnavailable as error:
            # The report is not repeated, because the client's next image that takes too long causes a new
            # report.
            log.warning("could not report an image's cost", extra={"error": error.detail})

    def _serve(self, encoder: Encoder, catalog: Catalog) -> None:
        s = self._settings
        cache_redis = open_redis(s.cache_url.get_secret_value())
        cache = WorkerCache(cache_redis, result_ttl_s=s.result_ttl_s, embedding_ttl_s=s.embedding_ttl_s)
        leases = Leases(self._ledger, lease_s=s.lease_s, announcement=lambda: self._announced)
        with (
            ExitStack() as stack,
            Batcher(encoder, max_size=s.batch_max, max_wait_s=s.batch_wait_ms / 1000) as batcher,
            DecoderPool(
                size_px=encoder.input_size_px,
                max_pixels=s.max_image_pixels,
                cpu_s=s.decode_cpu_s,
                processes=s.decoder_processes,
                timeout_s=s.decode_timeout_s,
                report_overrun=self._report_overrun,
            ) as decoders,
        ):
            embedder = Embedder(encoder=encoder, batcher=batcher, decoders=decoders, redis=self._redis)
            rankings = RankingCache(cache_redis, result_ttl_s=s.result_ttl_s)
            pipeline = Pipeline(
                embedder=embedder,
                explainer=self._explainer(embedder, fingerprint=encoder.fingerprint),
                cache=cache,
                catalog=catalog,
                pages=self._ranked_pages(rankings, cache, encoder),
                catalog_timeout_s=s.catalog_timeout_s,
                model_name=encoder.model_name,
                model_fingerprint=encoder.model_fingerprint,
                public_url=s.public_url,
                has_thumbnails=s.thumbnail_dir is not None,
            )
            handler = RunHandler(
                ledger=self._ledger,
                leases=leases,
                pipeline=pipeline,
                cache_apart=cache if s.cache_url != s.redis_url else None,
                cached_for=CachedFor(embedder.fingerprint, rankings.ttl_ms),
                retire=self._retire,
            )
            register_search(self._celery, handler)
            bulk = stack.enter_context(closing(BulkProcess(s)))
            register_bulk(self._celery, BulkHandler(self._redis, bulk))
            self._consume(leases, batcher)

    def _consume(self, leases: Leases, batcher: Batcher) -> None:
        """Take runs and batches until the process must end."""
        s = self._settings
        # The watchdog's limit is half of a job's deadline, so that another worker still has time to answer
        # the runs.
        watchdog = Watchdog(batcher.running_s, limit_s=s.job_deadline_s / 2)
        retry_transient(leases.start, within_s=math.inf, on_failure=self._report_waiting)
        watchdog.start()
        try:
            consume(self._celery, concurrency=s.worker_concurrency, drain=self._drain(leases))
        finally:
            watchdog.stop()
            leases.stop()

    def _ranked_pages(self, rankings: RankingCache, cache: WorkerCache, encoder: Encoder) -> RankedPages:
        return RankedPages(
            rankings,
            cache,
            ScanTurns(waiting=max(1, self._settings.worker_concurrency // 2)),
            model_fingerprint=encoder.model_fingerprint,
            has_thumbnails=self._settings.thumbnail_dir is not None,
        )

    def _explainer(self, embedder: Embedder, *, fingerprint: str) -> Explainer:
        vocabulary = VisualVocabulary.load()
        cache_dir = self._settings.model_cache_dir
        words = WordEmbeddings(vocabulary, embed=embedder.texts, fingerprint=fingerprint, cache_dir=cache_dir)
        return Explainer(vocabulary, words)

    def _drain(self, leases: Leases) -> threading.Timer:
        """Return a timer that ends the process if the runs are not finished within DRAIN_S."""

        def give_up() -> None:
            try:
                for lease in leases.held():
                    self._ledger.release(lease.claim, uses_attempt=False)
            except QueueUnavailable as error:
                # Runs that are not released now are requeued when their leases expire.
                log.warning("cannot give back the rest", extra={"error": error.detail})
            log.warning("not drained in time; ending")
            os._exit(0)

        timer = threading.Timer(self._settings.drain_s, give_up)
        timer.daemon = True
        return timer


def consume(app: Celery, *, concurrency: int, drain: threading.Timer) -> None:
    """Run Celery's consumer until a signal stops it; on SIGTERM, running jobs finish first."""

    def start_drain(**_: object) -> None:
        log.info("draining")
        drain.start()

    worker_shutting_down.connect(start_drain, weak=False)
    # Celery would configure logging itself if no receiver were connected to `setup_logging`.
    setup_logging.connect(lambda **_: None, weak=False)
    worker = app.Worker(
        pool="threads",
        queues=[*keyspace.SEARCH_QUEUES, keyspace.BULK],
        concurrency=concurrency,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    drain.cancel()
