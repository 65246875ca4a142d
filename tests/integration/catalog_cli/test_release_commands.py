"""Ctrl-C, ingests at the same time, `verify` and `reembed` with covers of the Cover Art Archive."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.fetch.shared_turns import SharedTurns
from catalog.ingest.covers.releases.musicbrainz import ANSWER_MAX_BYTES, REQUESTS_PER_S, MusicBrainz
from common.processes.child_processes import module_command
from tests.integration.catalog_cli.conftest import Catalog, rows, write_table
from tests.integration.catalog_cli.test_release_covers import INGEST, drawn_cover, exported
from tests.paths import DEMO_MODEL, ROOT
from tests.polling import eventually
from tests.release_services import ReleaseServices, hang, mbid_of, release_services

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def services() -> Iterator[ReleaseServices]:
    with release_services() as server:
        yield server


def test_ctrl_c_ends_waits_for_covers_and_the_next_run_completes_the_work(
    catalog: Catalog,
    workdir: Path,
    services: ReleaseServices,
    environ: dict[str, str],
    database_url: str,
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in range(1, 11)])
    services.releases = {number: [mbid_of(number)] for number in range(1, 11)}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in range(1, 11)}
    # The first requests for the last two covers are never answered.
    services.archive_faults = {f"release/{mbid_of(number)}": [hang] for number in (9, 10)}
    command = [*module_command("catalog"), *INGEST, "--batch", "1"]
    settings = os.environ | environ | services.settings() | {"PYTHONPATH": str(ROOT)}

    with subprocess.Popen(command, env=settings, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: not any(services.archive_faults.values()), within_s=60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "interrupted; the same command continues where this one stopped" in err
    assert "Traceback" not in err
    services.asked()
    done = catalog(*INGEST, **services.settings())
    assert done.status == 0, done.err
    assert len(rows(database_url)) == 10
    # The answers of MusicBrainz were remembered.
    assert services.asked_musicbrainz == []


def test_two_ingests_of_a_machine_share_the_rate_of_musicbrainz(
    workdir: Path, services: ReleaseServices, environ: dict[str, str], database_url: str
) -> None:
    write_table(workdir / "a.csv", [exported(number) for number in range(1, 251)])
    write_table(workdir / "b.csv", [exported(number) for number in range(251, 501)])
    settings = os.environ | environ | services.settings() | {"PYTHONPATH": str(ROOT)}
    commands = [
        [*module_command("catalog"), "ingest", table, "--allow-private"] for table in ("a.csv", "b.csv")
    ]

    with ExitStack() as stack:
        running = [stack.enter_context(subprocess.Popen(command, env=settings)) for command in commands]
        statuses = [process.wait(200) for process in running]

    # MusicBrainz knows none of the releases.
    assert statuses == [1, 1]
    asked = sorted(path.count("resource=") for path in services.asked_musicbrainz)
    assert asked == [50, 50, 100, 100, 100, 100]
    assert services.too_fast == 0


def test_two_clients_that_start_at_once_take_turns(
    workdir: Path, services: ReleaseServices, tmp_path: Path
) -> None:
    def client() -> MusicBrainz:
        # Each ingest has a fetcher of its own, which knows nothing of the others.
        turns = SharedTurns(tmp_path / "turns", REQUESTS_PER_S)
        return MusicBrainz(
            CoverFetcher(
                max_bytes=ANSWER_MAX_BYTES,
                allow_private=True,
                per_host=REQUESTS_PER_S,
                pictures_only=False,
                turns=turns,
            ),
            services.url,
        )

    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(one.releases_of, [1, 2]) for one in (client(), client(), client())]
        found = [future.result() for future in asked]

    assert found == [{1: (), 2: ()}] * 3
    assert services.too_fast == 0


def test_verify_asks_the_archive_for_nothing(
    catalog: Catalog, workdir: Path, services: ReleaseServices
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in (1, 2)}
    catalog(*INGEST, **services.settings())
    services.asked()
    (workdir / "no files").mkdir()

    plain = catalog("verify")
    with_folder = catalog("verify", "--covers", "no files")

    assert plain.status == 0, plain.out
    assert with_folder.status == 0, with_folder.out
    assert services.asked() == []


def test_reembed_fetches_covers_of_the_archive(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in (1, 2)}
    catalog(*INGEST, **services.settings())
    before = rows(database_url)
    services.asked()

    done = catalog("reembed", "--model", str(DEMO_MODEL), "--allow-private", ENCODER="openvino")

    assert done.status == 0, done.err
    asked = services.asked()
    assert sum(path.endswith("/front-500") for path in asked) == 2
    after = rows(database_url)
    assert {row["cover_source"] for row in after.values()} == {row["cover_source"] for row in before.values()}
    assert all(after[each]["embedding"] != before[each]["embedding"] for each in before)


def test_reembed_names_the_albums_whose_cover_the_archive_no_longer_has(
    catalog: Catalog, workdir: Path, services: ReleaseServices, database_url: str
) -> None:
    write_table(workdir / "albums.csv", [exported(number) for number in (1, 2)])
    services.releases = {1: [mbid_of(1)], 2: [mbid_of(2)]}
    services.covers = {f"release/{mbid_of(number)}": drawn_cover(workdir, number) for number in (1, 2)}
    catalog(*INGEST, **services.settings())
    del services.covers[f"release/{mbid_of(2)}"]

    done = catalog("reembed", "--model", str(DEMO_MODEL), "--allow-private", ENCODER="openvino")

    assert done.status == 1
    assert "1 albums have no cover" in done.err
    assert "discogs-2" in (workdir / "reembed-rejected.csv").read_text()
