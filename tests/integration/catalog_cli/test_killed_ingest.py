"""After an ingest is killed at any moment, a second run completes the catalog."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest

from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, has_index, rows
from tests.polling import eventually

START_S = 60.0
INGEST = ("ingest", "albums.csv", "--covers", "covers")


def start(environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start an ingest that embeds each batch of covers slowly."""
    return subprocess.Popen(
        [sys.executable, "-m", "catalog", *INGEST, "--batch", "8"],
        env={"PATH": os.environ["PATH"], "FIXED_LATENCY_MS": "300", **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(process: "subprocess.Popen[bytes]", database_url: str, condition: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:

        def holds() -> bool:
            row: tuple[Any, ...] | None = connection.execute(f"SELECT {condition}".encode()).fetchone()
            held = row is not None and bool(row[0])
            assert held or process.poll() is None, "it ended before it could be killed"
            return held

        eventually(holds, describe=lambda: condition)


@pytest.mark.parametrize(
    "moment",
    [
        "EXISTS (SELECT FROM catalog_model WHERE model IS NOT NULL)",
        "to_regclass('album_covers_embedding_hnsw') IS NULL",
        "EXISTS (SELECT FROM album_covers)",
    ],
    ids=["stamped", "index dropped", "rows written"],
)
def test_the_next_run_completes_a_killed_ingest(
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


def version(database_url: str) -> object:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT catalog_version()").fetchone()
    return row[0] if row is not None else None


def test_the_writes_of_a_killed_ingest_make_a_new_version(
    catalog: Catalog, environ: dict[str, str], database_url: str
) -> None:
    before = version(database_url)
    process = start(environ)
    try:
        wait_for(process, database_url, "EXISTS (SELECT FROM album_covers)")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = version(database_url)

    catalog(*INGEST)

    assert len({before, killed, version(database_url)}) == 3
    assert None not in {before, killed}


def assert_same(one: Mapping[str, dict[str, Any]], other: Mapping[str, dict[str, Any]]) -> None:
    """Compare albums exactly, but embeddings roughly: numpy may sum in another order in another process."""
    assert one.keys() == other.keys()
    for album_id, row in one.items():
        mine, theirs = (np.array(orjson.loads(r["embedding"])) for r in (row, other[album_id]))
        assert np.allclose(mine, theirs, atol=1e-6)
        assert row | {"embedding": None} == other[album_id] | {"embedding": None}
