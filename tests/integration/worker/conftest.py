"""Fixtures of real worker processes over real Redis and PostgreSQL servers, with a small catalog."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from catalog.writer.album_row import AlbumRow, upsert_albums
from common.jobs import Job
from common.ledger.gateway import GatewayLedger
from common.settings import Settings, load_settings
from local.gateway_and_worker import Service, worker_service
from local.servers.redis import RedisServer
from tests.ledgers import OWNER, gateway_ledger
from tests.polling import eventually_async

START_S = 60.0

StartWorker = Callable[..., Service]


@pytest.fixture
def settings(redis: Redis, redis_server: RedisServer, catalog_url: str) -> Settings:
    return load_settings({"REDIS_URL": redis_server.url, "DATABASE_URL": catalog_url, "LEASE_S": "1"})


@pytest.fixture
def catalog_url(database_url: str) -> str:
    """The URL of a catalog of 40 albums with random embeddings and no recorded model."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((40, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [AlbumRow(id=str(n), embedding=v, artist="A", album_name=f"N{n}") for n, v in enumerate(vectors)]
    with psycopg.connect(database_url) as connection:
        upsert_albums(connection, rows)
    return database_url


@pytest.fixture
def make_worker_service(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    """Return a function that makes unstarted worker services; stop all services at the end."""
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


@pytest.fixture
def gateway(async_redis: AsyncRedis, settings: Settings) -> GatewayLedger:
    return gateway_ledger(async_redis, settings)


def catalog_version(settings: Settings) -> str | None:
    """Return the current version of the catalog."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("SELECT catalog_version()").fetchone()
    return None if row is None else row[0]


async def ended_job(gateway: GatewayLedger, job_id: str, *, within_s: float = 60.0) -> Job:
    """Poll a job until it has ended, and sweep the ledger like a gateway."""

    async def ended() -> Job | None:
        job, _ = await gateway.job(job_id, owner=OWNER)
        if job.state.is_terminal:
            return job
        await gateway.sweep()
        return None

    return await eventually_async(ended, within_s=within_s)


async def running(gateway: GatewayLedger) -> None:
    """Wait until a worker is running a job."""

    async def is_running() -> bool:
        return (await gateway.load()).running > 0

    await eventually_async(is_running)
