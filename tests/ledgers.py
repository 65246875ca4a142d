"""The gateway's ledger and the worker's ledger, both on a real Redis, and searches that tests submit."""

import secrets

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from common.broker.celery_app import make_celery, message_template
from common.cache.results import content_hashes
from common.catalog.version import made_from
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Submission
from common.ledger.worker import WorkerLedger
from common.search_query import (
    ImagePart,
    SearchQuery,
    TextPart,
    image_digest,
    query_key,
    query_to_json,
    ranking_key,
    wire_version,
)
from common.settings import Settings
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

OWNER = "anonymous"
#: The number of albums that a submitted search asks for.
K = 5


def gateway_ledger(client: AsyncRedis, settings: Settings) -> GatewayLedger:
    return GatewayLedger(client, settings=settings, template=message_template(make_celery(settings)))


def worker_ledger(client: Redis, settings: Settings, *, worker_id: str = "w1") -> WorkerLedger:
    template = message_template(make_celery(settings))
    return WorkerLedger(client, settings=settings, template=template, worker_id=worker_id)


def text_submission(
    words: str = "red", *, k: int = K, version: str | None = None, **changes: object
) -> Submission:
    """Return a text search as a gateway submits it after it has read this version of the catalog."""
    return submission_of(SearchQuery((TextPart(words),), k=k), version=version, **changes)


def image_submission(data: bytes) -> Submission:
    digest = image_digest(data)
    return submission_of(SearchQuery((ImagePart(digest),), k=K), images=((digest, data),))


def submission_of(query: SearchQuery, *, version: str | None = None, **changes: object) -> Submission:
    """Return a search as a gateway submits it; keyword arguments replace fields."""
    read_from = made_from(model=FixedLatencyEncoder.model_fingerprint, version=version)
    fields: dict[str, object] = {
        "job_id": secrets.token_hex(16),
        "owner": OWNER,
        "query": query_to_json(query),
        "query_key": query_key(query, model="m", catalog_version="1"),
        "contents": content_hashes(query),
        "kind": query.type,
        "query_version": wire_version(query),
        "made_from": read_from,
        "ranking_key": ranking_key(query, made_from=read_from),
    }
    return Submission(**(fields | changes))  # type: ignore[arg-type]
