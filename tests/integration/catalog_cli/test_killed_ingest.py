"""An ingest may be killed at any moment: run again, the catalog is what it would have been."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest

from api.catalog_watch import CatalogWatch
from catalog.versioning import retiring_results
from common import keys
from common.catalog_version import CHANGING_TTL_S, new_catalog_version
from common.clients import open_async_redis, open_redis
from common.settings import load_settings
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, has_index, rows

ROOT = Path(__file__).parents[3]
START_S = 60.0
INGEST = ("ingest", "albums.csv", "--covers", "covers")


def start(environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start an ingest that takes its time over each batch of covers."""
    return subprocess.Popen(
        [sys.executable, "-m", "catalog", *INGEST, "--batch", "8"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FIXED_LATENCY_MS": "300", **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(process: "subprocess.Popen[bytes]", database_url: str, condition: str) -> None:
    deadline = time.monotonic() + START_S
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            row: tuple[Any, ...] | None = connection.execute(f"SELECT {condition}".encode()).fetchone()
            if row is not None and row[0]:
                return
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, condition
            time.sleep(0.005)


@pytest.mark.parametrize(
    "moment",
    [
        "EXISTS (SELECT FROM catalog_model WHERE model IS NOT NULL)",
        "to_regclass('album_covers_embedding_hnsw') IS NULL",
        "EXISTS (SELECT FROM album_covers)",
    ],
    ids=["stamped", "index dropped", "rows written"],
)
def test_a_killed_ingest_is_completed_by_the_next(
    catalog: Catalog, environ: dict[str, str], database_url: str, moment: str
) -> None:
    process = start(environ)
    try:
        wait_for(process, database_url, moment)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = len(rows(database_url))

    done = catalog(*INGEST)

    assert done.status == 0, done.err
    assert f"{ALBUMS - left} written, {left} unchanged" in done.err
    assert has_index(database_url)
    interrupted = rows(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE album_covers")
    catalog(*INGEST)
    assert_same(interrupted, rows(database_url))
    assert len(interrupted) == ALBUMS


def version_seen(redis_url: str) -> str:
    """Return the version as a gateway that looks now knows it."""

    async def look() -> str:
        client = open_async_redis(redis_url)
        watch = CatalogWatch(client)
        await watch.look()
        await client.aclose()
        return watch.version

    return asyncio.run(look())


def test_a_killed_ingest_leaves_in_use_no_result_that_was_cached_before_or_beside_it(
    catalog: Catalog, environ: dict[str, str], database_url: str
) -> None:
    url = environ["REDIS_URL"]
    with open_redis(url) as redis:
        new_catalog_version(redis, model_fingerprint="any")
        before = version_seen(url)
        process = start(environ)
        try:
            wait_for(process, database_url, "EXISTS (SELECT FROM album_covers)")
            beside = version_seen(url)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

        assert 0 < int(str(redis.pttl(keys.CATALOG_CHANGING))) <= CHANGING_TTL_S * 1000
        # As when it has run out.
        redis.delete(keys.CATALOG_CHANGING)

    after = version_seen(url)
    assert len({before, beside, after}) == 3


def test_what_is_cached_during_a_long_ingest_goes_out_of_use_again_and_again(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.versioning.CHANGING_TTL_S", 0.03)
    deadline = time.monotonic() + START_S

    with retiring_results(load_settings({"REDIS_URL": environ["REDIS_URL"]}), model_fingerprint="any"):
        seen = {version_seen(environ["REDIS_URL"])}
        while len(seen) < 3:
            assert time.monotonic() < deadline
            seen.add(version_seen(environ["REDIS_URL"]))


def assert_same(one: Mapping[str, dict[str, Any]], other: Mapping[str, dict[str, Any]]) -> None:
    """Compare bit for bit, but for embeddings: numpy adds up in another order in another process."""
    assert one.keys() == other.keys()
    for album_id, row in one.items():
        mine, theirs = (np.array(orjson.loads(r["embedding"])) for r in (row, other[album_id]))
        assert np.allclose(mine, theirs, atol=1e-6)
        assert row | {"embedding": None} == other[album_id] | {"embedding": None}
