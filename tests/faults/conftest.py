"""A fixture of the PostgreSQL server that all faults share; each fault starts its other processes."""

from collections.abc import Iterator

import pytest

from benchmarks.faults.catalog_server import CatalogServer


@pytest.fixture(scope="session")
def catalog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogServer]:
    with CatalogServer(tmp_path_factory.mktemp("catalog_server")) as catalog_server:
        yield catalog_server
