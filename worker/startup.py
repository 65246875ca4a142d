"""Starts a worker: loads the model, opens the catalog, checks that both match, and connects to Redis.

The worker waits for a catalog or Redis that is down, and reports the reason during the wait. A permanent
error ends the start.
"""

import logging
import math
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from common.catalog.open_catalog import open_catalog
from common.catalog.protocol import Catalog
from common.catalog.version import ensure_catalog_version
from common.errors import ModelMismatch, QueueUnavailable
from common.redis.durability import durability_faults, shares_cache
from common.redis.errors import permanent_error
from common.redis.startup_check import require_supported_server
from common.settings import Settings
from worker.decode.preprocessing_version import PREPROCESSING_VERSION
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Encoder
from worker.retries import retry_transient

log = logging.getLogger(__name__)

OnWaiting = Callable[[BaseException], None]


def open_encoder(settings: Settings, *, side_by_side: bool = False) -> Encoder:
    """Load the model; `side_by_side` allows two parallel passes if the encoder supports them.

    Raises:
        ModelUnavailable: the model cannot be found, fetched or loaded.
    """
    return load_encoder(
        settings.clip_model,
        kind=settings.encoder,
        device=settings.device,
        precision=settings.encoder_precision,
        threads=settings.encoder_threads or None,
        side_by_side=side_by_side,
        cuda_graphs=settings.cuda_graphs == "on",
        cache_dir=settings.model_cache_dir.expanduser(),
        fixed_latency_s=settings.fixed_latency_ms / 1000,
    )


def open_matching_catalog(settings: Settings, encoder: Encoder, *, on_waiting: OnWaiting) -> Catalog:
    """Open the catalog, wait until it answers, check that it uses the encoder's model, and log its problems.

    Raises:
        CatalogMisconfigured: the catalog is misconfigured; the message says how to correct it.
        ModelMismatch: the catalog's vectors come from another model.
    """
    catalog = open_catalog(settings)
    stamp = retry_transient(catalog.model_stamp, within_s=math.inf, on_failure=on_waiting)
    if stamp is None:
        log.warning("the catalog does not say which model made its vectors; this worker's model is assumed")
    elif stamp.fingerprint != encoder.model_fingerprint:
        catalog.close()
        raise ModelMismatch(
            f"the catalog's vectors come from {stamp.model} ({stamp.fingerprint[:12]}) and this worker's "
            f"model is {encoder.model_name} ({encoder.model_fingerprint[:12]}): "
            "set CLIP_MODEL to the former, or re-embed the catalog"
        )
    elif stamp.preprocessing != PREPROCESSING_VERSION:
        log.warning(
            "the catalog's vectors were made by another version of the preprocessing: covers in other "
            "colours than plain sRGB are found less exactly; python -m catalog reembed (docs/catalog.md)",
            extra={"catalog_preprocessing": stamp.preprocessing, "preprocessing": PREPROCESSING_VERSION},
        )
    for fault in retry_transient(catalog.warnings, within_s=math.inf, on_failure=on_waiting):
        log.warning(
            "the catalog is misconfigured",
            extra={"code": fault.code, "problem": fault.problem, "detail": fault.detail},
        )
    return catalog


def open_broker(redis: Redis, settings: Settings, *, model_fingerprint: str, on_waiting: OnWaiting) -> None:
    """Wait for Redis, log a warning if Redis can lose jobs, and store a catalog version token if needed.

    Raises:
        SettingsError: Redis answers, but this service cannot use it, for example because its version is too
            old.
    """

    def check_broker() -> None:
        try:
            info = redis.info()
            assert isinstance(info, dict)  # noqa: S101 - the client is not asynchronous
            require_supported_server(info, setting="REDIS_URL")
            ensure_catalog_version(
                redis, model_fingerprint=model_fingerprint, preprocessing=PREPROCESSING_VERSION
            )
        except (RedisError, OSError) as error:
            if (permanent := permanent_error(error, setting="REDIS_URL")) is not None:
                raise permanent from error
            raise QueueUnavailable(f"the job queue does not answer ({type(error).__name__})") from error
        for fault in durability_faults(info, shares_cache=shares_cache(settings)):
            log.warning("the broker may lose jobs", extra={"fault": fault})

    retry_transient(check_broker, within_s=math.inf, on_failure=on_waiting)
