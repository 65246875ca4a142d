"""An ingest on running workers gives the same catalog as a local ingest."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import orjson
import psutil
import psycopg
import pytest

from catalog.ingest.embedding.distributed import DistributedEmbedder
from common.redis import keyspace
from common.redis.clients import open_redis
from local.gateway_and_worker import Service, worker_service
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, read_report, rows
from tests.integration.catalog_cli.test_killed_ingest import assert_same
from tests.integration.catalog_cli.test_prints import prints
from tests.integration.catalog_cli.test_thumbnails import thumbnails
from tests.paths import DEMO_MODEL
from tests.polling import eventually

INGEST = ("ingest", "albums.csv", "--covers", "covers")
START_S = 60.0


@pytest.fixture
def make_worker(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Return a function that makes unstarted workers for the operator's catalog; stop them at the end."""
    made: list[Service] = []

    def make() -> Service:
        env = {"PATH": os.environ["PATH"], **environ}
        service = worker_service(tmp_path, env, name=f"worker-{len(made)}", timeout_s=START_S)
        made.append(service)
        return service

    yield make
    for service in made:
        service.stop()


@pytest.fixture
def worker(make_worker: Callable[[], Service]) -> Service:
    """A running worker."""
    service = make_worker()
    service.start()
    return service


def bulk_process(worker: Service) -> psutil.Process | None:
    assert worker.pid is not None
    for child in psutil.Process(worker.pid).children(recursive=True):
        if "worker.bulk_embedding.child" in child.cmdline():
            return child
    return None


def test_a_distributed_ingest_equals_a_local_one_and_reports_bad_covers(
    catalog: Catalog, worker: Service, workdir: Path, environ: dict[str, str], database_url: str
) -> None:
    (workdir / "covers" / "demo-1967-00006.jpg").write_text("no image")

    done = catalog(*INGEST, "--distributed")

    assert done.status == 1, done.err
    assert read_report(workdir / "albums-rejected.csv") == [(7, "unsupported_image")]
    distributed = rows(database_url)
    assert len(distributed) == ALBUMS - 1
    catalog("delete", *distributed)
    catalog(*INGEST)
    assert_same(distributed, rows(database_url))
    with open_redis(environ["REDIS_URL"]) as redis:
        assert list(redis.scan_iter(f"{keyspace.BULK}*")) == []


def test_workers_make_the_thumbnails_of_a_local_ingest(
    catalog: Catalog, worker: Service, environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    environ["THUMBNAIL_DIR"] = str(tmp_path / "thumbnails")
    done = catalog(*INGEST, "--distributed")
    distributed = thumbnails(database_url)
    catalog("delete", *distributed)

    catalog(*INGEST)

    assert f"{ALBUMS} covers got thumbnails" in done.err
    assert None not in distributed.values()
    assert thumbnails(database_url) == distributed


def test_workers_make_the_prints_of_a_local_ingest(
    catalog: Catalog, worker: Service, database_url: str
) -> None:
    catalog(*INGEST, "--distributed")
    distributed = prints(database_url)
    catalog("delete", *distributed)

    catalog(*INGEST)

    assert len(distributed) == ALBUMS
    assert prints(database_url) == distributed


def test_workers_make_the_palettes_of_a_local_ingest(
    catalog: Catalog, worker: Service, database_url: str
) -> None:
    catalog(*INGEST, "--distributed")
    distributed = {album_id: row["palette"] for album_id, row in rows(database_url).items()}
    catalog("delete", *distributed)

    catalog(*INGEST)

    assert None not in distributed.values()
    assert distributed == {album_id: row["palette"] for album_id, row in rows(database_url).items()}


def test_workers_of_an_earlier_release_embed_without_thumbnails_and_palettes(
    catalog: Catalog,
    worker: Service,
    environ: dict[str, str],
    database_url: str,
    tmp_path: Path,
) -> None:
    environ["THUMBNAIL_DIR"] = str(tmp_path / "thumbnails")
    # A second worker, of an earlier release, does not announce that it makes thumbnails.
    with open_redis(environ["REDIS_URL"]) as redis:
        (key,) = redis.keys(f"{keyspace.worker('')}*")
        announced = orjson.loads(cast("bytes", redis.get(key)))
        del announced["thumbnails"]
        redis.set(keyspace.worker("older"), orjson.dumps({**announced, "id": "older"}))
        redis.zadd(keyspace.WORKERS, {"older": time.time() + 3600})

    done = catalog(*INGEST, "--distributed")

    assert done.status == 0, done.err
    assert f"{ALBUMS} covers got no thumbnails: python -m catalog thumbnails" in done.err
    assert set(thumbnails(database_url).values()) == {None}
    assert f"{ALBUMS} albums have no palette" in done.err
    assert f"{ALBUMS} albums have no print: python -m catalog prints" in done.err
    assert {row["palette"] for row in rows(database_url).values()} == {None}

    assert f"{ALBUMS} made" in catalog("thumbnails", "--covers", "covers").err


def test_workers_embed_missing_albums_as_an_ingest_does(
    catalog: Catalog, worker: Service, database_url: str
) -> None:
    catalog(*INGEST)
    ingested = rows(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL")

    done = catalog("ingest", "--missing", "--covers", "covers", "--distributed")

    assert done.status == 0, done.err
    assert f"{ALBUMS} embedded" in done.err
    assert_same(ingested, rows(database_url))


def test_the_bulk_process_has_idle_scheduling_priority(catalog: Catalog, worker: Service) -> None:
    before = bulk_process(worker)
    catalog(*INGEST, "--distributed")
    child = bulk_process(worker)

    assert before is None
    assert child is not None
    assert os.sched_getscheduler(child.pid) == os.SCHED_IDLE


def test_a_killed_bulk_process_is_restarted(
    catalog: Catalog, worker: Service, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST, "--distributed")
    child = bulk_process(worker)
    assert child is not None
    child.send_signal(signal.SIGKILL)
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    catalog("delete", *rows(database_url))

    done = catalog(*INGEST, "--distributed")

    assert done.status == 0, done.err
    assert len(rows(database_url)) == ALBUMS


def test_without_a_worker_a_distributed_ingest_does_not_start(catalog: Catalog, database_url: str) -> None:
    done = catalog(*INGEST, "--distributed")

    assert done.status == 2
    assert "no_worker" in done.err
    assert rows(database_url) == {}


def test_the_covers_in_the_broker_have_a_byte_limit(
    catalog: Catalog,
    worker: Service,
    workdir: Path,
    environ: dict[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    largest = max(cover.stat().st_size for cover in (workdir / "covers").iterdir())
    monkeypatch.setattr("catalog.ingest.embedding.distributed.BATCH_BYTES", 3 * largest)
    monkeypatch.setattr("catalog.ingest.embedding.distributed.IN_FLIGHT_BYTES", 4 * largest)
    held: list[tuple[int, int]] = []
    put = DistributedEmbedder._put

    def looked_at(self: DistributedEmbedder, entry: Any) -> None:
        put(self, entry)
        held.append((len(entry.covers), covers_bytes(self._redis)))

    monkeypatch.setattr(DistributedEmbedder, "_put", looked_at)

    done = catalog(*INGEST, "--distributed")

    assert done.status == 0, done.err
    assert len(rows(database_url)) == ALBUMS
    assert all(covers < 16 and held_bytes < 4.1 * largest for covers, held_bytes in held)


def test_an_ingest_waits_for_slow_but_live_workers(
    catalog: Catalog,
    make_worker: Callable[[], Service],
    environ: dict[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catalog.ingest.embedding.distributed.RESEND_AFTER_S", 0.1)
    monkeypatch.setattr("catalog.ingest.embedding.distributed.FAILURES_MAX", 1)
    environ["FIXED_LATENCY_MS"] = "2500"
    make_worker().start()

    done = catalog(*INGEST, "--distributed")

    assert done.status == 0, done.err
    assert len(rows(database_url)) == ALBUMS


def test_a_batch_that_fails_repeatedly_ends_the_ingest(
    catalog: Catalog,
    make_worker: Callable[[], Service],
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The batch is one cover, because a failed larger batch would be split into single covers.
    monkeypatch.setattr("catalog.ingest.embedding.distributed.BATCH", 1)
    monkeypatch.setattr("catalog.ingest.embedding.distributed.RESEND_AFTER_S", 0.1)
    monkeypatch.setattr("catalog.ingest.embedding.distributed.FAILURES_MAX", 2)
    model = tmp_path / "model"
    shutil.copytree(DEMO_MODEL, model)
    environ |= {"ENCODER": "openvino", "CLIP_MODEL": str(model)}
    make_worker().start()
    for file in model.iterdir():
        file.unlink()

    done = catalog(*INGEST, "--distributed")

    assert done.status == 2
    assert "the workers failed" in done.err


def test_an_ingest_without_any_worker_left_ends(
    catalog: Catalog,
    make_worker: Callable[[], Service],
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catalog.ingest.embedding.distributed.RESEND_AFTER_S", 0.1)
    environ |= {"FIXED_LATENCY_MS": "20000", "LEASE_S": "1"}
    worker = make_worker()
    worker.start()
    killing = threading.Thread(target=kill_once_busy, args=[worker])
    killing.start()

    done = catalog(*INGEST, "--distributed")
    killing.join()

    assert done.status == 2
    assert "no_worker" in done.err


def kill_once_busy(worker: Service) -> None:
    eventually(lambda: bulk_process(worker))
    worker.kill()


def covers_bytes(redis: Any) -> int:
    """Return the total size of all covers that wait in Redis."""
    return sum(redis.strlen(key) for key in redis.scan_iter(f"{keyspace.BULK}:*", _type="string"))


def test_a_killed_worker_loses_no_album(
    catalog: Catalog,
    make_worker: Callable[[], Service],
    environ: dict[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catalog.ingest.embedding.distributed.BATCH", 2)
    monkeypatch.setattr("catalog.ingest.embedding.distributed.RESEND_AFTER_S", 2.0)
    environ["FIXED_LATENCY_MS"] = "100"
    first = make_worker()
    first.start()
    second = make_worker()

    def replace_the_worker() -> None:
        eventually(lambda: rows(database_url))
        first.kill()
        second.start()

    replacing = threading.Thread(target=replace_the_worker)
    replacing.start()
    done = catalog(*INGEST, "--distributed", "--batch", "2")
    replacing.join()

    assert done.status == 0, done.err
    assert len(rows(database_url)) == ALBUMS
    assert not first.running
