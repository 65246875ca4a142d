"""Tests of the Docker stack's database roles and keys, on real PostgreSQL and PostgREST servers."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from catalog.database.migrations import apply_migrations
from common.catalog.facets.counter import FacetCounter
from common.catalog.open_catalog import open_catalog
from common.filters import Filters
from common.settings import load_settings
from local.servers.postgres import PostgresConfig, PostgresServer, find_binaries
from local.servers.postgrest import PostgrestConfig, PostgrestServer
from local.servers.supabase_gateway import RestGateway
from tests.unit.ops.docker_files import DOCKER, make_env

PERMISSION_DENIED = "42501"
ALBUM = {"id": "585", "artist": "A", "album_name": "N", "embedding": f"[1{',0' * 511}]"}


@dataclass(frozen=True, slots=True)
class Chain:
    """The URLs of the catalog's servers, and the environment variables from make_env.py."""

    supabase_url: str
    postgrest_url: str
    environ: dict[str, str]

    def write(self, key: str) -> httpx.Response:
        """Upsert one album by a direct request to PostgREST, which accepts or refuses it by the key alone."""
        headers = {"Authorization": f"Bearer {key}", "Prefer": "resolution=merge-duplicates"}
        return httpx.post(f"{self.postgrest_url}/album_covers", json=ALBUM, headers=headers)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A database created as in the `db` container, behind PostgREST and a Supabase URL."""
    folder = tmp_path_factory.mktemp("chain")
    environ = make_env(folder / ".env")
    # The server is separate, because roles.sh creates roles, which belong to the whole server.
    with PostgresServer(PostgresConfig(folder / "postgres", durable=False)) as postgres:
        run_roles_script(postgres, authenticator_password=environ["AUTHENTICATOR_PASSWORD"])
        apply_migrations(postgres.url())
        config = PostgrestConfig(
            folder=folder / "postgrest",
            database_url=postgres.url(user="authenticator", password=environ["AUTHENTICATOR_PASSWORD"]),
            jwt_secret=environ["JWT_SECRET"],
        )
        keys = frozenset({environ["SUPABASE_KEY"], environ["SERVICE_ROLE_KEY"]})
        with PostgrestServer(config) as postgrest, RestGateway(postgrest.port, keys=keys) as gateway:
            yield Chain(gateway.url, f"http://127.0.0.1:{postgrest.port}", environ)


def run_roles_script(postgres: PostgresServer, *, authenticator_password: str) -> None:
    """Run ops/docker/postgres/roles.sh as the entry point of the PostgreSQL image does."""
    address = urlsplit(postgres.url())
    environ = {
        "PATH": f"{find_binaries()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(address.port),
        "PGPASSWORD": address.password or "",
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "postgres",
        "AUTHENTICATOR_PASSWORD": authenticator_password,
    }
    subprocess.run([DOCKER / "postgres" / "roles.sh"], env=environ, check=True, capture_output=True)


def test_the_key_of_gateway_and_workers_can_search_but_not_write(chain: Chain) -> None:
    key = chain.environ["SUPABASE_KEY"]
    chain.write(chain.environ["SERVICE_ROLE_KEY"])
    catalog = open_catalog(load_settings({"SUPABASE_URL": chain.supabase_url, "SUPABASE_KEY": key}))

    try:
        catalog.check()
        query = np.eye(1, 512, dtype=np.float32)[0]
        found = catalog.search(query, k=3, filters=Filters(), with_embeddings=True)
        facets = FacetCounter(catalog).count(Filters(), version=catalog.version())
    finally:
        catalog.close()
    refused = chain.write(key)

    assert [match.album.id for match in found] == [ALBUM["id"]]
    assert found.embeddings is not None
    assert facets.total == 1
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert refused.json()["code"] == PERMISSION_DENIED


def test_the_operators_key_can_write(chain: Chain) -> None:
    assert chain.write(chain.environ["SERVICE_ROLE_KEY"]).is_success


def test_a_key_signed_with_another_secret_is_refused(chain: Chain, tmp_path: Path) -> None:
    foreign = make_env(tmp_path / ".env")["SERVICE_ROLE_KEY"]

    assert chain.write(foreign).status_code == httpx.codes.UNAUTHORIZED
