"""A failed command exits with status 2 and a message, never with a traceback."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.demo.albums import demo_albums
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, cells, rows

INGEST = ("ingest", "albums.csv", "--covers", "covers")
NOWHERE = "nowhere/d"


@contextmanager
def full_disk() -> Iterator[None]:
    """Make every write to a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("report", ["albums.csv", "link.csv", "albums-rejected.csv"])
def test_the_report_does_not_replace_the_table(
    catalog: Catalog, workdir: Path, database_url: str, report: str
) -> None:
    table = workdir / "albums.csv"
    (workdir / "link.csv").symlink_to(table)
    # The notes belong to this report.
    (workdir / "albums-notes.csv").hardlink_to(table)
    before = table.read_bytes()

    done = catalog(*INGEST, "--report", report)

    assert done.status == 2
    assert "is the table itself; name another file" in done.err
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*INGEST, "--report", f"{NOWHERE}/r.csv"), f"{NOWHERE}/r.csv: No such file or directory"),
        ((*INGEST, "--report", "/dev/full"), "No space left on device"),
        (("export", f"{NOWHERE}/x.csv"), "No such file or directory"),
        (("export", f"{NOWHERE}/x.jsonl"), "No such file or directory"),
        (("export", f"{NOWHERE}/x.parquet"), "No such file or directory"),
        (("ingest", "corrupt.parquet", "--covers", "covers"), "cannot be read as Parquet"),
        (("ingest", "cut.parquet", "--covers", "covers"), "cannot be read as Parquet"),
        (("ingest", "header.csv", "--covers", "covers"), "its header cannot be read"),
        (("delete", "--from-file", "ids.bin"), "not UTF-8"),
        (("delete", "--from-file", "covers"), "Is a directory"),
        (("delete", "--from-file", "pipe.csv"), "--from-file pipe.csv: it is not a regular file"),
        (("delete", "--from-file", "/dev/zero"), "--from-file /dev/zero: it is not a regular file"),
        (("ingest", "pipe.csv", "--covers", "covers"), "it must be a regular file"),
        ((*INGEST, "--genres", "pipe.csv"), "--genres pipe.csv: "),
    ],
)
def test_an_unusable_file_is_reported(
    catalog: Catalog, workdir: Path, database_url: str, arguments: tuple[str, ...], says: str
) -> None:
    os.mkfifo(workdir / "pipe.csv")
    (workdir / "corrupt.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    table = pa.Table.from_pylist([cells(album) for album in demo_albums(ALBUMS)])
    parquet.write_table(table, workdir / "whole.parquet")
    whole = (workdir / "whole.parquet").read_bytes()
    (workdir / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (workdir / "header.csv").write_text('id,"artist\n1,A\n')
    (workdir / "ids.bin").write_bytes(b"\xff\xfe\n")

    done = catalog(*arguments)

    assert done.status == 2
    assert says in done.err
    assert rows(database_url) == {}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_export_on_a_full_disk_leaves_no_file(catalog: Catalog, workdir: Path, suffix: str) -> None:
    catalog(*INGEST)

    with full_disk():
        done = catalog("export", f"out.{suffix}")

    assert done.status == 2
    assert "File too large" in done.err
    assert not list(workdir.glob("*out.*"))


@pytest.mark.parametrize(
    ("function", "arguments"), [("album_origins", INGEST), ("search_walks", ("verify",))]
)
def test_an_outdated_schema_error_says_to_migrate(
    catalog: Catalog, database_url: str, function: str, arguments: tuple[str, ...]
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(f"DROP FUNCTION {function}".encode())

    done = catalog(*arguments)

    assert done.status == 2
    assert "python -m catalog migrate" in done.err
