"""The state that all families of a run share: folders, the model, catalogs and the amount of work."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psycopg
from psycopg import sql

from benchmarks import synthetic_clip
from benchmarks.paths import ROOT
from catalog.database.migrations import apply_migrations
from catalog.database.vector_index import build_index, drop_index_if_empty
from catalog.writer.album_row import AlbumRow, upsert_albums
from local.servers.postgres import PostgresConfig, PostgresServer
from local.servers.supabase import AUTHENTICATOR_PASSWORD
from local.servers.supabase_roles import create_roles

#: The folder of files that are kept between runs: the model, its exports, pictures. Git ignores the folder.
STATE = ROOT / ".state" / "bench"
DEMO_MODEL = ROOT / "models" / "demo"
#: The number of albums that `make run` loads.
DEMO_ALBUMS = 2000
GENRES = ("Rock", "Electronic", "Pop/R&B", "Jazz", "Rap")
Tell = Callable[[str], None]


@dataclass(slots=True)
class Bench:
    """One run of benchmarks; `folder` is deleted after the run."""

    folder: Path
    quick: bool
    tell: Tell = print
    _running: ExitStack = field(default_factory=ExitStack)
    _postgres: PostgresServer | None = None
    _catalogs: dict[int, str] = field(default_factory=dict)
    _folders: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def pick(self, full: int, quick: int) -> int:
        """Return `quick` in a quick run, otherwise `full`."""
        return quick if self.quick else full

    def new_folder(self, name: str) -> Path:
        """Return a fresh folder."""
        self._folders += 1
        folder = self.folder / f"{name}-{self._folders}"
        folder.mkdir()
        return folder

    @property
    def model_cache(self) -> Path:
        return STATE / "models"

    def model(self) -> Path:
        """Return the folder of the model with the shape of ViT-B/32; create the model if it is missing."""
        folder = STATE / "vit-b-32"
        synthetic_clip.main(["--out", str(folder)])
        return folder

    def catalog(self, albums: int = DEMO_ALBUMS) -> str:
        """Return the URL of a database with this many albums; later calls return the same URL."""
        if albums not in self._catalogs:
            self._catalogs[albums] = self._load(albums)
        return self._catalogs[albums]

    def empty_catalog(self, name: str) -> str:
        """Return the URL of a new database without albums."""
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self.postgres.url(name)
        create_roles(url, authenticator_password=AUTHENTICATOR_PASSWORD)
        apply_migrations(url)
        return url

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL server of the run; the first use starts it."""
        if self._postgres is None:
            config = PostgresConfig(self.new_folder("postgres"), durable=False)
            self._postgres = self._running.enter_context(PostgresServer(config))
        return self._postgres

    def _load(self, albums: int) -> str:
        self.tell(f"loading a catalog of {albums} albums")
        url = self.empty_catalog(f"albums_{albums}")
        with psycopg.connect(url, autocommit=True) as connection:
            drop_index_if_empty(connection)
            upsert_albums(connection, _albums(albums))
            build_index(connection)
            connection.execute("VACUUM (ANALYZE) album_covers")
        return url


def _albums(count: int) -> list[AlbumRow]:
    """Return albums whose vectors form clusters in one cone, like CLIP's embeddings."""
    draw = np.random.default_rng(11)
    spectrum = np.arange(1, 513, dtype=np.float32) ** -0.5
    cone = draw.standard_normal(512)
    centres = draw.standard_normal((40, 512)) * spectrum
    vectors = cone / np.linalg.norm(cone) * 3 + centres[draw.integers(0, 40, count)]
    vectors = (vectors + draw.standard_normal((count, 512)) * spectrum * 0.5).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        AlbumRow(
            id=f"album-{n}",
            embedding=vector,
            artist=f"Artist {n % 500}",
            album_name=f"Album {n}",
            genre=GENRES[n % len(GENRES)],
            release_year=1967 + n * 31 % 58,
            pitchfork_score=n * 7 % 101 / 10,
            best_new_music=n % 12 == 0,
            cover_url=f"https://covers.example.org/{n}.jpg",
        )
        for n, vector in enumerate(vectors)
    ]
