"""Real worker processes over the real Redis and PostgreSQL, with a small catalog."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import pytest_asyncio

from catalog.writer.album_row import AlbumRow, upsert_albums
from common.broker.celery_app import make_celery, message_template
from common.cache import content_hashes
from common.catalog.version import made_from
from common.jobs import Job
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Submission
from common.queries import ImagePart, SearchQuery, TextPart, image_digest, query_key, query_to_json
from common.redis.clients import open_async_redis, open_redis
from common.settings import Settings, load_settings
from local.servers.redis import RedisServer
from local.services import Service, worker_service
from worker.encoder.fixed_latency import FixedLatencyEncoder

OWNER = "anonymous"
START_S = 60.0

StartWorker = Callable[..., Service]


@pytest.fixture
def settings(redis_server: RedisServer, catalog_url: str) -> Settings:
    with open_redis(redis_server.url) as client:
        client.flushall()
    return load_settings({"REDIS_URL": redis_server.url, "DATABASE_URL": catalog_url, "LEASE_S": "1"})


@pytest.fixture
def catalog_url(database_url: str) -> str:
    """A catalog of 40 albums with random embeddings and no stamp."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((40, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [AlbumRow(id=str(n), embedding=v, artist="A", album_name=f"N{n}") for n, v in enumerate(vectors)]
    with psycopg.connect(database_url) as connection:
        upsert_albums(connection, rows)
    return database_url


@pytest.fixture
def make_worker_service(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    """Return unstarted `python -m worker` services over the stack; stop them at the end."""
    made: list[Service] = []

    def make(*, waits: bool = True, **environ: str) -> Service:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
            "LEASE_S": str(settings.lease_s),
            "ENCODER": "fixed",
            **environ,
        }
        service = worker_service(tmp_path, env, name=f"worker-{len(made)}", timeout_s=START_S, waits=waits)
        made.append(service)
        return service

    yield make
    for service in made:
        service.stop()


@pytest_asyncio.fixture
async def gateway(settings: Settings) -> AsyncIterator[GatewayLedger]:
    client = open_async_redis(settings.redis_url.get_secret_value())
    yield GatewayLedger(client, settings=settings, template=message_template(make_celery(settings)))
    await client.aclose()


def text_submission(words: str, *, k: int = 5, version: str | None = None) -> Submission:
    """Return a search as submitted by a gateway that has seen this catalog version."""
    return submission_of(SearchQuery((TextPart(words),), k=k), version=version)


def image_submission(data: bytes) -> Submission:
    digest = image_digest(data)
    return submission_of(SearchQuery((ImagePart(digest),), k=5), images=((digest, data),))


def catalog_version(settings: Settings) -> str | None:
    """Return the current version of the catalog."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("SELECT catalog_version()").fetchone()
    return None if row is None else row[0]


def submission_of(
    query: SearchQuery, images: tuple[tuple[str, bytes], ...] = (), version: str | None = None
) -> Submission:
    """Return a search as submitted by a gateway."""
    return Submission(
        job_id=secrets.token_hex(16),
        owner=OWNER,
        query=query_to_json(query),
        query_key=query_key(query, model="m", catalog_version="1"),
        contents=content_hashes(query),
        made_from=made_from(model=FixedLatencyEncoder.model_fingerprint, version=version),
        images=images,
    )


async def ended_job(gateway: GatewayLedger, job_id: str, *, within_s: float = 60.0) -> Job:
    """Poll a job, sweeping as a gateway does, until it has ended."""
    deadline = time.monotonic() + within_s
    while True:
        job, _ = await gateway.job(job_id, owner=OWNER)
        if job.state.is_terminal:
            return job
        assert time.monotonic() < deadline, job
        await gateway.sweep()
        await asyncio.sleep(0.02)
