"""Fixtures of an operator's command line: a table, a folder of covers, and `python -m catalog`."""

import csv
import functools
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from redis import Redis

from catalog.__main__ import main
from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.drawing.cover import cover_jpeg
from local.servers.redis import RedisServer
from local.servers.supabase import SupabaseServer
from worker.encoder.protocol import Embeddings, Pixels
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

ALBUMS = 30


@dataclass(frozen=True, slots=True)
class Done:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str


Catalog = Callable[..., Done]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the covers of the first demo albums, which tests must not change."""
    folder = tmp_path_factory.mktemp("covers")
    for album in demo_albums(ALBUMS):
        (folder / f"{album.id}.jpg").write_bytes(cover_jpeg(album, size_px=96))
    return folder


@pytest.fixture
def workdir(tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's working directory, with the table `albums.csv` and the folder `covers`."""
    folder = tmp_path / "operator"
    covers = folder / "covers"
    covers.mkdir(parents=True)
    for file in drawn.iterdir():
        (covers / file.name).write_bytes(file.read_bytes())
    write_table(folder / "albums.csv", [cells(album) for album in demo_albums(ALBUMS)])
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def served(workdir: Path) -> Iterator[str]:
    """The URL of a server of the operator's covers."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=workdir / "covers")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def environ(database_url: str, redis: Redis, redis_server: RedisServer, tmp_path: Path) -> dict[str, str]:
    """The operator's environment variables; the encoder computes vectors from pixels without a model."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_server.url,
        "ENCODER": "fixed",
        "MODEL_CACHE_DIR": str(tmp_path / "exports"),
        "COLUMNS": "200",
    }


@pytest.fixture(params=["postgres", "pgbouncer", "supabase"])
def catalog_settings(request: pytest.FixtureRequest, environ: dict[str, str]) -> Mapping[str, str]:
    """Environment variables for each way to connect to the catalog."""
    if request.param == "pgbouncer":
        environ["DATABASE_URL"] = request.getfixturevalue("pooled_url")
    if request.param == "supabase":
        server: SupabaseServer = request.getfixturevalue("supabase_server")
        del environ["DATABASE_URL"]
        environ |= {"SUPABASE_URL": server.url, "SUPABASE_KEY": server.service_key}
    return environ


@pytest.fixture
def catalog(
    workdir: Path,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Catalog:
    """Return a function that runs `python -m catalog` in this process.

    Keywords set environment variables for a single call.
    """

    def run(*arguments: str, **changes: str) -> Done:
        capsys.readouterr()
        with monkeypatch.context() as environment:
            for name in ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_KEY"):
                environment.delenv(name, raising=False)
            for name, value in (environ | changes).items():
                environment.setenv(name, value)
            status = main(arguments)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def embedded_covers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that contains, for each call of the encoder, the number of covers in the call."""
    counts: list[int] = []
    encode = FixedLatencyEncoder.encode_images

    def counted(self: FixedLatencyEncoder, pixels: Pixels) -> Embeddings:
        counts.append(len(pixels))
        return encode(self, pixels)

    monkeypatch.setattr(FixedLatencyEncoder, "encode_images", counted)
    return counts


def cells(album: DemoAlbum) -> dict[str, object]:
    """Return an album as the row of a table, with a metadata column."""
    return {
        "id": album.id,
        "artist": album.artist,
        "album_name": album.album_name,
        "genre": album.genre,
        "release_year": album.release_year,
        "pitchfork_score": album.pitchfork_score,
        "best_new_music": album.best_new_music,
        "reviewer": album.reviewer,
        "caption": album.caption,
    }


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def read_report(path: Path) -> list[tuple[int, str]]:
    """Return the row number and the reason of each rejected row."""
    with path.open(newline="") as file:
        return [(int(row["row"]), row["reason"]) for row in csv.DictReader(file)]


def read_notes(path: Path) -> list[tuple[int, str, str]]:
    """Return the row number, the column and the reason of each note."""
    with path.open(newline="") as file:
        return [(int(note["row"]), note["column"], note["reason"]) for note in csv.DictReader(file)]


def rows(database_url: str) -> dict[str, dict[str, Any]]:
    """Return every album in the catalog."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return {row["id"]: row for row in connection.execute("SELECT * FROM album_covers")}


def has_index(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT to_regclass('album_covers_embedding_hnsw') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])
