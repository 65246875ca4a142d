"""Every kind of ingest reports its progress and its result to Redis."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from catalog.demo.albums import demo_albums
from common.ingest_reports.report import IngestPhase, IngestReport, IngestState
from common.ingest_reports.store import IngestReportReader
from common.processes.child_processes import module_command
from common.redis.clients import open_async_redis
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, cells, write_table
from tests.integration.catalog_cli.test_music import write_album
from tests.paths import ROOT
from tests.polling import eventually
from tests.release_services import hang, mbid_of, release_services

pytestmark = pytest.mark.timeout(300)

INGEST = ("ingest", "albums.csv", "--covers", "covers")
ReadReports = Callable[[], list[IngestReport]]


@pytest.fixture
def music(workdir: Path) -> Path:
    for album in demo_albums(6):
        write_album(workdir / "music", album)
    return workdir / "music"


@pytest.fixture
def reports(environ: dict[str, str]) -> ReadReports:
    """Return a function that reads the reports as a gateway does."""

    async def read() -> list[IngestReport]:
        redis = open_async_redis(environ["REDIS_URL"], socket_timeout_s=30)
        try:
            return [one.report for one in (await IngestReportReader(redis).read()).reports]
        finally:
            await redis.aclose()

    return lambda: asyncio.run(read())


def test_the_last_report_has_the_added_changed_unchanged_and_left_out_albums(
    catalog: Catalog, workdir: Path, reports: ReadReports
) -> None:
    missing = demo_albums(ALBUMS)[3].id
    (workdir / "covers" / f"{missing}.jpg").unlink()
    assert catalog(*INGEST).status == 1
    (first,) = reports()

    table = [cells(album) for album in demo_albums(ALBUMS)]
    table[0]["release_year"] = 1901
    write_table(workdir / "albums.csv", table)
    (workdir / "covers" / f"{table[1]['id']}.jpg").write_bytes(
        (workdir / "covers" / f"{table[2]['id']}.jpg").read_bytes()
    )
    assert catalog(*INGEST).status == 1
    second = reports()[0]

    assert (first.name, first.source, first.state) == ("albums.csv", "table", IngestState.DONE)
    assert (first.added, first.changed, first.unchanged) == (ALBUMS - 1, 0, 0)
    assert first.left_out_by_reason == {"missing_cover": 1}
    assert [(one.row, one.id, one.reason) for one in first.left_out] == [(4, missing, "missing_cover")]
    assert missing in first.left_out[0].detail
    # One row and one cover have changed.
    assert (second.added, second.changed, second.unchanged) == (0, 2, ALBUMS - 3)
    # The first run ended with building the index, the second one with loading albums.
    assert (first.phase, second.phase) == (IngestPhase.INDEX, IngestPhase.ALBUMS)
    assert (second.done, second.total) == (ALBUMS, ALBUMS)


def test_a_music_folder_has_one_report_with_the_deleted_albums(
    catalog: Catalog, music: Path, reports: ReadReports
) -> None:
    assert catalog("ingest", "--music", str(music)).status == 0
    (first,) = reports()
    shutil.rmtree(min(music.glob("*/*")))

    assert catalog("ingest", "--music", str(music), "--prune").status == 0

    # The second run replaces the report of the first one.
    (second,) = reports()
    assert (first.source, first.name, first.added) == ("music", "music", 6)
    assert (second.id, second.added, second.unchanged, second.deleted) == (first.id, 0, 5, 1)


def test_a_watched_folder_that_vanishes_fails_visibly(
    music: Path, environ: dict[str, str], reports: ReadReports
) -> None:
    command = [*module_command("catalog"), "ingest", "--music", str(music), "--watch"]
    with subprocess.Popen(command, env=os.environ | environ | {"PYTHONPATH": str(ROOT)}) as process:
        try:
            eventually(lambda: any(one.state == IngestState.DONE for one in reports()), within_s=150)
            for artist in music.iterdir():
                shutil.rmtree(artist)
            process.wait(60)
        finally:
            process.kill()

    (failed,) = reports()
    assert failed.state == IngestState.FAILED
    assert failed.error is not None
    assert "no music" in failed.error


def test_a_watched_folder_whose_model_is_missing_fails_visibly(
    catalog: Catalog, music: Path, reports: ReadReports
) -> None:
    done = catalog("ingest", "--music", str(music), "--watch", CLIP_MODEL="/nowhere", ENCODER="torch")

    assert done.status == 2
    (failed,) = reports()
    assert failed.state == IngestState.FAILED


def test_embedding_missing_albums_is_reported(
    catalog: Catalog, workdir: Path, database_url: str, reports: ReadReports
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("UPDATE album_covers SET embedding = NULL")

    done = catalog("ingest", "--missing", "--covers", "covers")

    assert done.status == 0, done.err
    latest = reports()[0]
    assert (latest.source, latest.state) == ("missing", IngestState.DONE)
    assert latest.changed == ALBUMS


def test_a_failed_ingest_says_why(catalog: Catalog, workdir: Path, reports: ReadReports) -> None:
    done = catalog(*INGEST, CLIP_MODEL="/nowhere", ENCODER="torch")

    assert done.status == 2
    (failed,) = reports()
    assert failed.state == IngestState.FAILED
    assert failed.error is not None
    assert "nowhere" in failed.error


def test_without_redis_an_ingest_does_its_work(catalog: Catalog, workdir: Path) -> None:
    done = catalog(*INGEST, REDIS_URL="redis://127.0.0.1:1/0")

    assert done.status == 0, done.err
    assert f"{ALBUMS} written, 0 unchanged" in done.err
    assert "the page" not in done.err


def test_a_full_redis_is_said_at_the_end(catalog: Catalog, workdir: Path, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    redis.config_set("maxmemory-policy", "noeviction")
    try:
        done = catalog(*INGEST)
    finally:
        redis.config_set("maxmemory", 0)

    assert done.status == 0, done.err
    assert "the page does not show how this ingest ended" in done.err


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (signal.SIGINT, IngestState.INTERRUPTED),
        (signal.SIGTERM, IngestState.INTERRUPTED),
        (signal.SIGKILL, IngestState.RUNNING),
    ],
)
def test_an_ended_process_leaves_its_last_report(
    workdir: Path,
    environ: dict[str, str],
    reports: ReadReports,
    number: signal.Signals,
    state: IngestState,
) -> None:
    write_table(workdir / "releases.csv", [{"artist": "A", "album": "B", "release_mbid": mbid_of(1)}])
    command = [*module_command("catalog"), "ingest", "releases.csv", "--allow-private"]
    with release_services() as services:
        # The cover never arrives.
        services.archive_faults[f"release/{mbid_of(1)}"] = [hang] * 10
        settings = os.environ | environ | services.settings() | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=settings) as process:
            try:
                eventually(lambda: any(one.phase == "albums" for one in reports()), within_s=150)
                process.send_signal(number)
                process.wait(60)
            finally:
                process.kill()

    (left,) = reports()
    # A killed ingest cannot report: it is `lost` as soon as its last report is ten seconds old.
    assert left.state == state
    assert (left.total, left.done) == (1, 0)
