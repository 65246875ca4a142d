"""Thumbnails: made by every kind of ingest and on demand, never of another cover, never half written."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from operator import methodcaller
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from catalog.demo.albums import demo_albums
from catalog.thumbnail_folder import GRACE_S, ThumbnailFolder
from catalog.writer.paged_reads import all_thumbnails
from catalog.writer.postgres import PostgresWriter
from common.thumbnails import SIZES_PX, Thumbnails, file_name
from tests.cover_server import CoverServer, cover_server
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, cells, rows, write_table
from tests.integration.catalog_cli.test_killed_ingest import INGEST, wait_for
from worker.decode.image import decode_thumbnails

THUMBNAILS = ("thumbnails", "--covers", "covers")
MAX_PIXELS = 1 << 20


@pytest.fixture
def folder(environ: dict[str, str], tmp_path: Path) -> ThumbnailFolder:
    """The folder of thumbnails, which the operator has set."""
    environ["THUMBNAIL_DIR"] = str(tmp_path / "thumbnails")
    return ThumbnailFolder(tmp_path / "thumbnails")


def thumbnails(database_url: str) -> dict[str, Thumbnails | None]:
    writer = PostgresWriter(database_url)
    found = {album.cover.id: album.thumbnails for album in all_thumbnails(writer)}
    writer.close()
    return found


def made_of(cover: Path) -> tuple[bytes, ...]:
    return decode_thumbnails(cover.read_bytes(), max_pixels=MAX_PIXELS)


def pictures(folder: ThumbnailFolder, found: Thumbnails | None) -> tuple[bytes, ...]:
    assert found is not None
    return tuple((folder.path / file_name(digest)).read_bytes() for digest in found.digests())


def assert_complete(
    folder: ThumbnailFolder, database_url: str, workdir: Path, *, count: int = ALBUMS
) -> None:
    """Check that every album has the thumbnails of its cover, as complete files."""
    found = thumbnails(database_url)
    sources = {album_id: row["cover_source"] for album_id, row in rows(database_url).items()}
    assert len(found) == count
    for album_id, thumbnails_of_album in found.items():
        assert pictures(folder, thumbnails_of_album) == made_of(workdir / "covers" / sources[album_id])


def files(folder: ThumbnailFolder) -> set[Path]:
    return {file for file in folder.path.rglob("*") if file.is_file()}


def age(folder: ThumbnailFolder, database_url: str) -> None:
    """Make all thumbnails old enough to be removed."""
    then = time.time() - GRACE_S - 1
    for file in files(folder):
        os.utime(file, (then, then))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE cover_thumbnails SET made_at = made_at - interval '2 hours'")


def test_an_ingest_makes_thumbnails_through_both_catalogs(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    database_url: str,
    folder: ThumbnailFolder,
) -> None:
    done = catalog(*INGEST, THUMBNAIL_DIR=str(folder.path))

    assert done.status == 0, done.err
    assert f"{ALBUMS} covers got thumbnails in {folder.path}" in done.err
    assert_complete(folder, database_url, workdir)
    assert all(len(made_of(cover)) == len(SIZES_PX) for cover in (workdir / "covers").iterdir())


def test_thumbnails_do_not_change_embeddings(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    with_thumbnails = rows(database_url)
    catalog("delete", *with_thumbnails)

    catalog(*INGEST, THUMBNAIL_DIR="")

    assert rows(database_url) == with_thumbnails


def test_a_second_ingest_writes_no_thumbnail_again(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    before = {file: file.stat().st_mtime_ns for file in files(folder)}

    done = catalog(*INGEST)

    assert "thumbnails" not in done.err
    assert {file: file.stat().st_mtime_ns for file in files(folder)} == before


def test_a_changed_cover_gets_its_own_thumbnails_and_the_old_ones_can_be_removed(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    before = thumbnails(database_url)
    covers = workdir / "covers"
    (covers / "demo-1967-00007.jpg").write_bytes((covers / "demo-1967-00008.jpg").read_bytes())

    catalog(*INGEST)
    age(folder, database_url)
    removed = catalog("thumbnails", "--prune")

    after = thumbnails(database_url)
    assert after["demo-1967-00007"] == after["demo-1967-00008"] == before["demo-1967-00008"]
    assert removed.status == 0
    assert "1 unused covers and 1 files" in removed.err
    assert_complete(folder, database_url, workdir)


def test_an_album_that_keeps_its_old_cover_keeps_its_thumbnails(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    before = thumbnails(database_url)
    (workdir / "covers" / "demo-1967-00007.jpg").write_bytes(b"no image")
    (workdir / "covers" / "demo-1967-00008.jpg").unlink()

    catalog(*INGEST)

    assert thumbnails(database_url) == before


def test_a_changed_row_keeps_its_thumbnails(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST, "--cover-url", "/covers/{file}")
    before = thumbnails(database_url)

    catalog(*INGEST, "--cover-url", "https://cdn.example.org/{file}")

    assert thumbnails(database_url) == before
    assert None not in before.values()


def test_the_thumbnails_of_deleted_albums_can_be_removed_later(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    catalog("delete", "demo-1967-00001", "demo-1967-00002")
    kept = catalog("thumbnails", "--prune")
    before = len(files(folder))
    age(folder, database_url)

    removed = catalog("thumbnails", "--prune")

    assert "0 unused covers and 0 files" in kept.err
    assert "2 unused covers" in removed.err
    assert len(files(folder)) < before
    assert_complete(folder, database_url, workdir, count=ALBUMS - 2)


def test_a_catalog_of_before_gets_the_thumbnails_that_an_ingest_makes(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    workdir: Path,
    database_url: str,
    folder: ThumbnailFolder,
) -> None:
    catalog(*INGEST, THUMBNAIL_DIR="")
    assert set(thumbnails(database_url).values()) == {None}

    done = catalog(*THUMBNAILS, THUMBNAIL_DIR=str(folder.path))
    again = catalog(*THUMBNAILS, THUMBNAIL_DIR=str(folder.path))

    assert (done.status, again.status) == (0, 0), done.err
    assert f"{ALBUMS} made, 0 there already, 0 skipped" in done.err
    assert f"0 made, {ALBUMS} there already, 0 skipped" in again.err
    assert_complete(folder, database_url, workdir)


def test_only_missing_lost_and_empty_thumbnails_are_made_again(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    some = [found for found in thumbnails(database_url).values() if found is not None]
    (folder.path / file_name(some[3].px_256)).unlink()
    (folder.path / file_name(some[4].px_512)).write_bytes(b"")
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM cover_thumbnails WHERE px_256 = %s", [some[5].px_256])

    done = catalog(*THUMBNAILS)

    assert f"3 made, {ALBUMS - 3} there already" in done.err
    assert_complete(folder, database_url, workdir)


def test_damaged_thumbnails_are_made_again_on_request(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    damaged = max(files(folder))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")

    plain = catalog(*THUMBNAILS)
    checked = catalog(*THUMBNAILS, "--check-files")

    assert f"0 made, {ALBUMS} there already" in plain.err
    assert f"1 made, {ALBUMS - 1} there already" in checked.err
    assert_complete(folder, database_url, workdir)


def test_albums_that_no_ingest_wrote_get_thumbnails_of_the_cover_that_their_row_names(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    covers = sorted((workdir / "covers").iterdir())
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO album_covers (id, cover_url) VALUES ('by path', %s), (%s, NULL)",
            [f"/covers/{covers[0].name}", covers[1].stem],
        )

    catalog(*THUMBNAILS)

    found = thumbnails(database_url)
    assert pictures(folder, found["by path"]) == made_of(covers[0])
    assert pictures(folder, found[covers[1].stem]) == made_of(covers[1])

    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET cover_url = '/covers/other.jpg' WHERE id = 'by path'")

    assert thumbnails(database_url)["by path"] is None


def test_albums_without_embedding_get_both_in_one_pass(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST, THUMBNAIL_DIR="")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL, cover_hash = NULL")

    done = catalog("ingest", "--missing", "--covers", "covers")

    assert f"{ALBUMS} embedded" in done.err
    assert f"{ALBUMS} covers got thumbnails" in done.err
    assert_complete(folder, database_url, workdir)


def test_skipped_albums_are_reported_with_the_reason(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST, THUMBNAIL_DIR="")
    covers = workdir / "covers"
    (covers / "demo-1967-00001.jpg").unlink()
    (covers / "demo-1967-00002.jpg").write_bytes((covers / "demo-1967-00003.jpg").read_bytes())
    (covers / "demo-1967-00004.jpg").write_bytes(b"no image")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET cover_hash = NULL WHERE id = 'demo-1967-00004'")

    done = catalog(*THUMBNAILS)

    assert done.status == 1
    assert f"{ALBUMS - 3} made, 0 there already, 3 skipped" in done.err
    report = (workdir / "thumbnails-rejected.csv").read_text()
    assert "demo-1967-00001,missing_cover" in report
    assert "demo-1967-00002,cover_changed" in report
    assert "demo-1967-00004,unsupported_image" in report
    found = thumbnails(database_url)
    assert [found[f"demo-1967-0000{number}"] for number in (1, 2, 4)] == [None] * 3


@pytest.fixture
def server(workdir: Path) -> Iterator[CoverServer]:
    """A host of covers, and a table with a column of their URLs."""
    with cover_server() as server:
        server.covers |= {f"/{file.name}": file.read_bytes() for file in (workdir / "covers").iterdir()}
        table = [cells(album) | {"image": server.url(f"/{album.id}.jpg")} for album in demo_albums(ALBUMS)]
        write_table(workdir / "albums.csv", table)
        yield server


BY_URL = ("--allow-private", "--per-host", "500")


def test_covers_at_other_hosts_get_thumbnails_only_if_the_operator_allows_it(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    ingested = catalog("ingest", "albums.csv", "--covers", "image", *BY_URL)
    server.asked.clear()
    refused = catalog("thumbnails", *BY_URL)

    assert ingested.status == 0
    assert f"{ALBUMS} covers come from other hosts and got no thumbnails" in ingested.err
    assert refused.status == 0
    assert f"{ALBUMS} skipped" in refused.err
    assert f"{ALBUMS} cover_at_other_host" in refused.err
    assert "THUMBNAIL_REMOTE_COVERS=allow" in refused.err
    assert server.asked == []
    assert files(folder) == set()

    allowed = catalog("thumbnails", *BY_URL, THUMBNAIL_REMOTE_COVERS="allow")

    assert f"{ALBUMS} made" in allowed.err
    found = thumbnails(database_url)
    assert all(pictures(folder, found[c.stem]) == made_of(c) for c in (workdir / "covers").iterdir())


def test_an_ingest_of_covers_at_other_hosts_makes_thumbnails_if_allowed(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog("ingest", "albums.csv", "--covers", "image", *BY_URL, THUMBNAIL_REMOTE_COVERS="allow")

    assert None not in thumbnails(database_url).values()


def test_covers_at_the_services_own_address_are_not_at_another_host(
    catalog: Catalog, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    own = server.url("/").removesuffix("/")

    catalog("ingest", "albums.csv", "--covers", "image", *BY_URL, PUBLIC_URL=own)

    assert None not in thumbnails(database_url).values()


def test_thumbnails_of_other_hosts_are_found_and_removed_once_they_are_not_allowed(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog("ingest", "albums.csv", "--covers", "image", *BY_URL, THUMBNAIL_REMOTE_COVERS="allow")
    allowed = catalog("verify", THUMBNAIL_REMOTE_COVERS="allow")
    age(folder, database_url)

    forbidden = catalog("verify")
    made = catalog("thumbnails", *BY_URL)
    removed = catalog("thumbnails", "--prune")
    done = catalog("verify")

    assert allowed.status == 0, allowed.out
    assert forbidden.status == 1
    assert f"{ALBUMS} albums with covers at other hosts have thumbnails" in " ".join(forbidden.out.split())
    assert "--prune" in forbidden.out
    assert f"0 made, 0 there already, {ALBUMS} skipped" in made.err
    assert removed.status == 0
    assert f"the thumbnails of {ALBUMS} covers at other hosts removed" in " ".join(removed.err.split())
    assert set(thumbnails(database_url).values()) == {None}
    assert files(folder) == set()
    assert done.status == 0, done.out


def test_a_local_cover_keeps_its_thumbnails_if_the_same_cover_is_at_another_host(
    catalog: Catalog, workdir: Path, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog("ingest", "albums.csv", "--covers", "image", *BY_URL, THUMBNAIL_REMOTE_COVERS="allow")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO album_covers (id, cover_hash, cover_source) "
            "SELECT 'local', cover_hash, 'demo-1967-00001.jpg' FROM album_covers WHERE id = 'demo-1967-00001'"
        )

    catalog("thumbnails", "--prune")

    kept = {album_id for album_id, found in thumbnails(database_url).items() if found is not None}
    assert kept == {"local", "demo-1967-00001"}


def test_a_cover_that_an_own_address_redirects_to_another_host_is_at_another_host(
    catalog: Catalog, server: CoverServer, database_url: str, folder: ThumbnailFolder
) -> None:
    for path in list(server.covers):
        location = {"Location": server.url(f"/elsewhere{path}", host="127.0.0.1")}
        server.covers[f"/elsewhere{path}"] = server.covers.pop(path)
        server.answers[path] = methodcaller("reply", 302, headers=location)
    own = server.url("/").removesuffix("/")

    ingested = catalog("ingest", "albums.csv", "--covers", "image", *BY_URL, PUBLIC_URL=own)
    made = catalog("thumbnails", *BY_URL, PUBLIC_URL=own)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL")
    embedded = catalog("ingest", "--missing", *BY_URL, PUBLIC_URL=own)

    assert f"{ALBUMS} covers come from other hosts and got no thumbnails" in ingested.err
    assert f"{ALBUMS} cover_at_other_host" in made.err
    assert f"{ALBUMS} embedded" in embedded.err
    assert set(thumbnails(database_url).values()) == {None}
    assert files(folder) == set()


def test_verify_reports_missing_lost_damaged_and_unused_thumbnails(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    well = catalog("verify")
    found = thumbnails(database_url)
    one, two, three = (found[f"demo-1967-0000{number}"] for number in (1, 2, 3))
    assert one is not None
    assert two is not None
    assert three is not None
    (folder.path / file_name(one.px_256)).unlink()
    (folder.path / file_name(two.px_512)).write_bytes(b"RIFF")
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM cover_thumbnails WHERE px_256 = %s", [three.px_256])
    catalog("delete", "demo-1967-00004")
    age(folder, database_url)

    done = catalog("verify")

    assert well.status == 0, well.out
    assert done.status == 1
    assert "1 albums have none (demo-1967-00003): python -m catalog thumbnails" in done.out
    assert "2 are lost or damaged" in done.out
    assert "--check-files" in done.out
    assert "belong to no album" in done.out
    assert "--prune" in done.out

    catalog("thumbnails", "--covers", "covers", "--check-files")
    catalog("thumbnails", "--prune")

    assert catalog("verify").status == 0


def test_verify_does_not_check_thumbnails_without_a_folder(catalog: Catalog) -> None:
    catalog(*INGEST)

    assert "thumbnail" not in catalog("verify").out


@pytest.mark.parametrize("command", [INGEST, ("ingest", "--missing", "--covers", "covers"), THUMBNAILS])
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(
    catalog: Catalog, workdir: Path, database_url: str, command: tuple[str, ...]
) -> None:
    (workdir / "file").write_bytes(b"")

    done = catalog(*command, THUMBNAIL_DIR="file/thumbnails")

    assert done.status == 2
    assert "THUMBNAIL_DIR file/thumbnails: no file can be written: Not a directory" in done.err
    assert rows(database_url) == {}


def test_the_command_names_the_setting_that_it_needs(catalog: Catalog, workdir: Path) -> None:
    done = catalog(*THUMBNAILS)

    assert done.status == 2
    assert "THUMBNAIL_DIR" in done.err


# RLIMIT_FSIZE ends a write in the middle of a file, as a full disk does.
LIMITED = (
    "import resource, sys; from catalog.__main__ import main; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (2200, 2200)); sys.exit(main(sys.argv[1:]))"
)


@pytest.mark.parametrize("command", [INGEST, THUMBNAILS])
def test_a_disk_that_is_full_ends_the_command_with_the_file_and_the_next_run_completes(
    catalog: Catalog,
    environ: dict[str, str],
    workdir: Path,
    database_url: str,
    folder: ThumbnailFolder,
    command: tuple[str, ...],
) -> None:
    if command == THUMBNAILS:
        catalog(*INGEST, THUMBNAIL_DIR="")

    failed = subprocess.run(
        [sys.executable, "-c", LIMITED, *command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert failed.returncode == 2, failed.stderr
    assert "File too large" in failed.stderr
    assert str(folder.path) in failed.stderr
    assert not [file for file in files(folder) if file.suffix == ".part"]
    done = catalog(*command)
    assert done.status == 0, done.err
    assert_complete(folder, database_url, workdir)


def test_a_killed_ingest_leaves_albums_with_complete_thumbnails_only(
    catalog: Catalog, environ: dict[str, str], workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "catalog", *INGEST, "--batch", "8"],
        env={"PATH": os.environ["PATH"], "FIXED_LATENCY_MS": "300", **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(process, database_url, "EXISTS (SELECT FROM album_covers)")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = len(rows(database_url))

    assert_complete(folder, database_url, workdir, count=left)

    done = catalog(*INGEST)

    assert f"{ALBUMS - left} written, {left} unchanged" in done.err
    assert_complete(folder, database_url, workdir)


def test_two_ingests_at_once_make_complete_thumbnails(
    catalog: Catalog, environ: dict[str, str], workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST, THUMBNAIL_DIR="")
    catalog("delete", *rows(database_url))
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "catalog", *INGEST, "--batch", "4", "--report", f"{number}.csv"],
            env={"PATH": os.environ["PATH"], **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(2)
    ]

    assert [process.wait() for process in both] == [0, 0]

    assert_complete(folder, database_url, workdir)
    assert not [file for file in files(folder) if file.suffix == ".part"]


def test_an_album_that_an_older_release_writes_has_no_thumbnails_of_its_old_cover(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    covers = workdir / "covers"
    (covers / "demo-1967-00005.jpg").write_bytes((covers / "demo-1967-00006.jpg").read_bytes() + b"\0")

    # An older release writes albums as this release does without the setting.
    catalog(*INGEST, THUMBNAIL_DIR="")
    between = thumbnails(database_url)
    catalog(*THUMBNAILS)

    assert [album_id for album_id, found in between.items() if found is None] == ["demo-1967-00005"]
    assert_complete(folder, database_url, workdir)


def test_moving_to_another_model_keeps_thumbnails(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    catalog(*INGEST)
    before = thumbnails(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE catalog_model SET fingerprint = 'an older model'")

    done = catalog("reembed", "--model", "openai/clip-vit-base-patch32", "--covers", "covers")

    assert done.status == 0, done.err
    assert thumbnails(database_url) == before


def stored(database_url: str) -> list[dict[str, Any]]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM cover_thumbnails").fetchall()


def test_albums_with_the_same_cover_share_files(
    catalog: Catalog, workdir: Path, database_url: str, folder: ThumbnailFolder
) -> None:
    content = (workdir / "covers" / "demo-1967-00000.jpg").read_bytes()
    for cover in (workdir / "covers").iterdir():
        cover.write_bytes(content)

    catalog(*INGEST)

    assert len(stored(database_url)) == 1
    # The covers are smaller than both thumbnails, which are therefore the same picture.
    assert len(files(folder)) == 1
